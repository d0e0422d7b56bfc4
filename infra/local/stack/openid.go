package stack

import (
	"context"
	"crypto/rand"

	"latchkey/infra/local/engine"
)

// Settings that make the local provider replace Google.
const (
	googleIssuer       = "OAUTH_GOOGLE_ISSUER"
	googleClientID     = "OAUTH_GOOGLE_CLIENT_ID"
	googleClientSecret = "OAUTH_GOOGLE_CLIENT_SECRET"
)

// googleCallback is the path of the redirect URI below PUBLIC_URL.
const googleCallback = "/api/auth/oauth/google/callback"

// openIDClientID is the client id at the local provider. It is fixed, so bookmarked addresses work after a restart. The secret
// is new at each start.
const openIDClientID = "latchkey"

// needsOpenID reports whether to start the local provider. It returns false if the caller has set any setting of Google, even an
// incomplete set, because the local provider would hide the error in it.
func needsOpenID(o Options) bool {
	return o.OpenID && o.Environment[googleIssuer] == "" &&
		o.Environment[googleClientID] == "" && o.Environment[googleClientSecret] == ""
}

func (s *Stack) startOpenID(ctx context.Context, o Options) (*engine.Engine, error) {
	publicURL := s.URL
	if value := o.Environment["PUBLIC_URL"]; value != "" {
		publicURL = value
	}
	s.openIDSecret = rand.Text()
	return engine.StartOpenID(ctx, engine.Options{Root: o.Root, Port: o.OpenIDPort}, engine.OpenIDClient{
		ID: openIDClientID, Secret: s.openIDSecret, RedirectURI: publicURL + googleCallback,
	})
}

// googleSettings returns the settings that make the functions use the local provider, or nil if there is no local provider.
func (s *Stack) googleSettings() map[string]string {
	if s.openID == nil {
		return nil
	}
	return map[string]string{
		googleIssuer: s.OpenIDURL, googleClientID: openIDClientID, googleClientSecret: s.openIDSecret,
	}
}
