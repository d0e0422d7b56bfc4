package stack

import (
	"context"
	"crypto/rand"

	"latchkey/infra/local/engine"
)

// Settings of Google, by which the local provider takes its place.
const (
	googleIssuer       = "OAUTH_GOOGLE_ISSUER"
	googleClientID     = "OAUTH_GOOGLE_CLIENT_ID"
	googleClientSecret = "OAUTH_GOOGLE_CLIENT_SECRET"
)

// googleCallback is where the provider sends the browser back to, below PUBLIC_URL.
const googleCallback = "/api/auth/oauth/google/callback"

// openIDClientID stays the same, so that what was noted of a former run still works; the secret is made at each start.
const openIDClientID = "latchkey"

// wantsOpenID leaves the place to whatever the caller has set, also if he has set only a part: a fault in it must not be hidden.
func wantsOpenID(o Options) bool {
	return o.OpenID && o.Environment[googleIssuer] == "" &&
		o.Environment[googleClientID] == "" && o.Environment[googleClientSecret] == ""
}

func (s *Stack) startOpenID(ctx context.Context, o Options) (*engine.Engine, error) {
	public := s.URL
	if set := o.Environment["PUBLIC_URL"]; set != "" {
		public = set
	}
	s.openIDSecret = rand.Text()
	return engine.StartOpenID(ctx, engine.Options{Root: o.Root, Port: o.OpenIDPort}, engine.OpenIDClient{
		ID: openIDClientID, Secret: s.openIDSecret, RedirectURI: public + googleCallback,
	})
}

// googleSettings lead the functions to the local provider. Without one they are none.
func (s *Stack) googleSettings() map[string]string {
	if s.openID == nil {
		return nil
	}
	return map[string]string{
		googleIssuer: s.OpenIDURL, googleClientID: openIDClientID, googleClientSecret: s.openIDSecret,
	}
}
