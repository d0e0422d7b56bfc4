// Package oauth speaks to the providers that people sign in by: GitHub by its OAuth 2.0 web flow and API, Google and whatever
// else issues ID tokens by OpenID Connect. It is the only home of x/oauth2 and go-oidc.
//
// It answers who a person is, as far as the provider says so, in the terms of package signin. Flows, accounts and what an
// identity opens are rules of that package. What a provider sends is bounded in size and time, and never told to a client.
package oauth

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"latchkey/pkg/clock"
	"latchkey/pkg/config"
	"latchkey/pkg/secret"
	"latchkey/pkg/signin"
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

	read   func(ctx context.Context, parameter string) (secret.String, error)
	maxAge time.Duration

	mu         sync.Mutex
	discovered *discovery        // nil until then
	secrets    map[string]stored // by parameter
}

// stored is a secret as it stood in its parameter.
type stored struct {
	secret secret.String
	read   time.Time
}

// NewProviders returns the providers of a configuration. It makes no call. A secret that stands in a parameter is got by read
// when it is needed, and again when it is older than the keys may be: one provider without its secret stops nothing else.
func NewProviders(
	cfg config.Config, read func(ctx context.Context, parameter string) (secret.String, error), now clock.Clock,
) signin.IdentityProviders {
	return &Providers{
		settings: cfg.OAuth, publicURL: cfg.PublicURL, client: newClient(), now: now,
		read: read, maxAge: cfg.KeySetMaxAge, secrets: map[string]stored{},
	}
}

// Provider implements [IdentityProviders]. It makes no call: the first that needs one makes it.
func (p *Providers) Provider(name string) (signin.IdentityProvider, error) {
	switch name {
	case github:
		if p.settings.GitHub.ID == "" {
			return nil, signin.ErrProviderNotConfigured
		}
		return p.gitHub(), nil
	case google:
		if p.settings.Google.ID == "" {
			return nil, signin.ErrProviderNotConfigured
		}
		return openID{providers: p}, nil
	default:
		return nil, signin.UnknownProvider(name)
	}
}

// application returns the settings of this application at a provider, its secret apart.
func (p *Providers) application(name string, registered config.OAuthClient, endpoint oauth2.Endpoint, scopes ...string) oauth2.Config {
	return oauth2.Config{
		ClientID:    registered.ID,
		Endpoint:    endpoint,
		RedirectURL: p.publicURL + "/api/auth/oauth/" + name + "/callback",
		Scopes:      scopes,
	}
}

// secretOf returns the secret of this application at a provider.
func (p *Providers) secretOf(ctx context.Context, registered config.OAuthClient) (secret.String, error) {
	if !registered.Secret.IsZero() {
		return registered.Secret, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	known, now := p.secrets[registered.SecretParameter], p.now()
	if !known.secret.IsZero() && now.Before(known.read.Add(p.maxAge)) {
		return known.secret, nil
	}
	value, err := p.read(ctx, registered.SecretParameter)
	if err != nil {
		return secret.String{}, fmt.Errorf("reading the client's secret from %s: %w", registered.SecretParameter, err)
	}
	p.secrets[registered.SecretParameter] = stored{secret: value, read: now}
	return value, nil
}

// exchange trades a code for tokens, which are the provider's own (RFC 6749 §4.1.3, RFC 7636 §4.5).
func (p *Providers) exchange(
	ctx context.Context, application oauth2.Config, registered config.OAuthClient, code, verifier secret.String,
) (*oauth2.Token, error) {
	shown, err := p.secretOf(ctx, registered)
	if err != nil {
		return nil, err
	}
	application.ClientSecret = shown.Reveal()
	ctx = context.WithValue(ctx, oauth2.HTTPClient, p.client)
	token, err := application.Exchange(ctx, code.Reveal(), oauth2.VerifierOption(verifier.Reveal()))
	if err != nil {
		return nil, refusal(fmt.Errorf("exchanging the code: %w", redacted(err)))
	}
	return token, nil
}
