// Package oauth signs users in at providers: GitHub with the OAuth 2.0 web flow and its API, and any number of providers of
// OpenID Connect. It is the only package that imports x/oauth2 and go-oidc.
//
// It returns the identity of a user as reported by the provider, in the terms of package signin, which has the rules for
// flows and accounts. Data from a provider is limited in size and time, and is never part of a response to a client.
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

// github is the name of GitHub in paths. The other names come from the configuration.
const github = "github"

// Providers holds the providers by name. A provider that is not configured is nil.
type Providers map[string]signin.IdentityProvider

// NewProviders returns the providers of a configuration. It makes no call. The secret of a client is read from its parameter
// when it is needed, and again once it is older than the keys may be, so a missing secret affects no other provider.
func NewProviders(
	cfg config.Config, read func(ctx context.Context, parameter string) (secret.String, error), now clock.Clock,
) signin.IdentityProviders {
	app := &application{publicURL: cfg.PublicURL, http: newClient(), secrets: newSecrets(read, cfg.KeySetMaxAge, now)}
	providers := Providers{github: nil}
	if cfg.OAuth.GitHub.Client.ID != "" {
		providers[github] = newGitHub(app, cfg.OAuth.GitHub)
	}
	for name, settings := range cfg.OAuth.OpenID {
		providers[name] = nil
		if settings.Client.ID != "" {
			providers[name] = newOpenID(app, name, settings, now)
		}
	}
	return providers
}

// Provider implements [signin.IdentityProviders]. It makes no call.
func (p Providers) Provider(name string) (signin.IdentityProvider, error) {
	provider, found := p[name]
	switch {
	case !found:
		return nil, signin.UnknownProvider(name)
	case provider == nil:
		return nil, signin.ErrProviderNotConfigured
	}
	return provider, nil
}

// application is this deployment as the providers know it.
type application struct {
	publicURL string
	http      *http.Client
	secrets   *secrets
}

// config returns the settings for a provider, without the secret.
func (a *application) config(name string, client config.OAuthClient, endpoint oauth2.Endpoint, scopes ...string) oauth2.Config {
	return oauth2.Config{
		ClientID:    client.ID,
		Endpoint:    endpoint,
		RedirectURL: a.publicURL + "/api/auth/oauth/" + name + "/callback",
		Scopes:      scopes,
	}
}

// exchange exchanges a code for the tokens of the provider (RFC 6749 §4.1.3, RFC 7636 §4.5).
func (a *application) exchange(
	ctx context.Context, settings oauth2.Config, client config.OAuthClient, code, verifier secret.String,
) (*oauth2.Token, error) {
	clientSecret, err := a.secrets.of(ctx, client)
	if err != nil {
		return nil, err
	}
	settings.ClientSecret = clientSecret.Reveal()
	ctx = context.WithValue(ctx, oauth2.HTTPClient, a.http)
	token, err := settings.Exchange(ctx, code.Reveal(), oauth2.VerifierOption(verifier.Reveal()))
	if err != nil {
		return nil, refusal(fmt.Errorf("exchanging the code: %w", redacted(err)))
	}
	return token, nil
}

// secrets reads the secrets of clients and keeps them for maxAge. It is safe for concurrent use.
type secrets struct {
	read   func(ctx context.Context, parameter string) (secret.String, error)
	maxAge time.Duration
	now    clock.Clock

	mu     sync.Mutex
	values map[string]storedSecret // by parameter
}

// storedSecret is the value of a parameter, with the time at which it was read.
type storedSecret struct {
	value secret.String
	read  time.Time
}

func newSecrets(
	read func(ctx context.Context, parameter string) (secret.String, error), maxAge time.Duration, now clock.Clock,
) *secrets {
	return &secrets{read: read, maxAge: maxAge, now: now, values: make(map[string]storedSecret)}
}

// of returns the secret of a client.
func (s *secrets) of(ctx context.Context, client config.OAuthClient) (secret.String, error) {
	if !client.Secret.IsZero() {
		return client.Secret, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	stored, now := s.values[client.SecretParameter], s.now()
	if !stored.value.IsZero() && now.Before(stored.read.Add(s.maxAge)) {
		return stored.value, nil
	}
	value, err := s.read(ctx, client.SecretParameter)
	if err != nil {
		return secret.String{}, fmt.Errorf("reading the client secret from %s: %w", client.SecretParameter, err)
	}
	s.values[client.SecretParameter] = storedSecret{value: value, read: now}
	return value, nil
}
