package oauth_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/infra/testkit/githubtest"
	"latchkey/infra/testkit/openidtest"
	"latchkey/infra/testkit/standin"
	"latchkey/pkg/config"
	"latchkey/pkg/oauth"
	"latchkey/pkg/secret"
	"latchkey/pkg/signin"
)

const publicURL = "http://localhost:1"

var client = standin.Client{ID: "an id", Secret: "a secret: with %signs"}

var keys = signin.FlowKeys{
	State:    secret.New("a-state"),
	Verifier: secret.New(strings.Repeat("v", 43)),
	Nonce:    secret.New("a-nonce"),
}

const secretAge = 5 * time.Minute

// fixture holds test servers for GitHub and for a provider of OpenID Connect. The latter is configured under two names.
type fixture struct {
	github     *githubtest.Server
	google     *openidtest.Server
	parameters *parameters
	signin.IdentityProviders
}

// parameters replaces Systems Manager. It has one parameter with the name "google".
type parameters struct {
	value secret.String
	reads int
	clock time.Time
}

func (p *parameters) read(_ context.Context, name string) (secret.String, error) {
	p.reads++
	if name != "google" || p.value.IsZero() {
		return secret.String{}, errors.New("the parameter does not exist")
	}
	return p.value, nil
}

func (p *parameters) now() time.Time { return p.clock }

func newFixture(t *testing.T) fixture {
	t.Helper()
	github, err := githubtest.Start(client)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(github.Close)
	google, err := openidtest.Start(client, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(google.Close)
	direct := config.OAuthClient{ID: client.ID, Secret: secret.New(client.Secret)}
	parameter := config.OAuthClient{ID: client.ID, SecretParameter: "google"}
	store := &parameters{value: secret.New(client.Secret), clock: time.Now()}
	return fixture{github: github, google: google, parameters: store, IdentityProviders: oauth.NewProviders(config.Config{
		PublicURL: publicURL, KeySetMaxAge: secretAge,
		OAuth: config.OAuth{
			GitHub: config.GitHub{Client: direct, URL: github.URL, APIURL: github.URL},
			OpenID: map[string]config.OpenID{
				"google": {Client: parameter, Issuer: google.URL},
				"gitlab": {Client: direct, Issuer: google.URL},
			},
		},
	}, store.read, store.now)}
}

// server returns the common part of a test server.
func (f fixture) server(provider string) *standin.Server {
	if provider == "github" {
		return f.github.Server
	}
	return f.google.Server
}

func (f fixture) provider(t *testing.T, name string) signin.IdentityProvider {
	t.Helper()
	provider, err := f.Provider(name)
	if err != nil {
		t.Fatal(err)
	}
	return provider
}

// callback visits the provider as a browser does, and returns the query of the callback to which it is redirected.
func (f fixture) callback(t *testing.T, name string) url.Values {
	t.Helper()
	location, err := f.provider(t, name).AuthorizationURL(t.Context(), keys)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, location, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	target, err := response.Location()
	if err != nil {
		t.Fatalf("got the status %d from the provider, want a redirect", response.StatusCode)
	}
	if want := publicURL + "/api/auth/oauth/" + name + "/callback"; !strings.HasPrefix(target.String(), want+"?") {
		t.Fatalf("got a redirect to %s, want %s", target, want)
	}
	return target.Query()
}

// patience is the time that a test waits for a provider that never responds.
const patience = 300 * time.Millisecond

// identify runs the flow and returns the identity.
func (f fixture) identify(t *testing.T, name string) (signin.Profile, error) {
	t.Helper()
	query := f.callback(t, name)
	if query.Get("state") != keys.State.Reveal() {
		t.Errorf("got the state %q in the callback, want %q", query.Get("state"), keys.State.Reveal())
	}
	return f.exchange(t, name, query.Get("code"))
}

func (f fixture) exchange(t *testing.T, name, code string) (signin.Profile, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*patience)
	defer cancel()
	return f.provider(t, name).Identify(ctx, secret.New(code), keys)
}
