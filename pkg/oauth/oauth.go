// Package oauth speaks to the providers that people sign in by: GitHub by its OAuth 2.0 web flow and API, Google and whatever
// else issues ID tokens by OpenID Connect. It is the only home of x/oauth2 and go-oidc.
//
// It answers who a person is, as far as the provider says so, in the terms of package auth. Flows, accounts and what an
// identity opens are rules of that package. What a provider sends is bounded in size and time, and never told to a client.
package oauth

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"latchkey/pkg/auth"
	"latchkey/pkg/config"
	"latchkey/pkg/secret"
)

// The providers by their names in paths.
const (
	github = "github"
	google = "google"
)

// Providers finds providers by name. What one needs is made when it is first asked for.
type Providers struct {
	settings  config.OAuth
	publicURL string
	client    *http.Client
	now       func() time.Time

	mu         sync.Mutex
	discovered *discovery // nil until then
}

// NewProviders returns the providers of a configuration. It makes no call.
func NewProviders(cfg config.Config, now auth.Clock) auth.IdentityProviders {
	return &Providers{settings: cfg.OAuth, publicURL: cfg.PublicURL, client: newClient(), now: now}
}

// Provider implements [auth.IdentityProviders]. It makes no call: the first that needs one makes it.
func (p *Providers) Provider(name string) (auth.IdentityProvider, error) {
	switch name {
	case github:
		if p.settings.GitHub.ID == "" {
			return nil, auth.ErrProviderNotConfigured
		}
		return p.gitHub(), nil
	case google:
		if p.settings.Google.ID == "" {
			return nil, auth.ErrProviderNotConfigured
		}
		return openID{providers: p}, nil
	default:
		return nil, auth.UnknownProvider(name)
	}
}

// application returns the settings of this application at a provider.
func (p *Providers) application(name string, registered config.OAuthClient, endpoint oauth2.Endpoint, scopes ...string) oauth2.Config {
	return oauth2.Config{
		ClientID:     registered.ID,
		ClientSecret: registered.Secret.Reveal(),
		Endpoint:     endpoint,
		RedirectURL:  p.publicURL + "/api/auth/oauth/" + name + "/callback",
		Scopes:       scopes,
	}
}

// exchange trades a code for tokens, which are the provider's own (RFC 6749 §4.1.3, RFC 7636 §4.5).
func exchange(ctx context.Context, client *http.Client, application oauth2.Config, code, verifier secret.String) (*oauth2.Token, error) {
	ctx = context.WithValue(ctx, oauth2.HTTPClient, client)
	token, err := application.Exchange(ctx, code.Reveal(), oauth2.VerifierOption(verifier.Reveal()))
	if err != nil {
		return nil, refusal(fmt.Errorf("exchanging the code: %w", redacted(err)))
	}
	return token, nil
}
