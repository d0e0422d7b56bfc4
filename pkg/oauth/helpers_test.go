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

// house has both providers, as stand-ins.
type house struct {
	github *githubtest.Server
	google *openidtest.Server
	stored *parameters
	signin.IdentityProviders
}

// parameters stands for Systems Manager, with one parameter of the name "google".
type parameters struct {
	value secret.String
	reads int
	clock time.Time
}

func (p *parameters) read(_ context.Context, name string) (secret.String, error) {
	p.reads++
	if name != "google" || p.value.IsZero() {
		return secret.String{}, errors.New("there is no such parameter")
	}
	return p.value, nil
}

func (p *parameters) now() time.Time { return p.clock }

func newHouse(t *testing.T) house {
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
	registered := config.OAuthClient{ID: client.ID, Secret: secret.New(client.Secret)}
	elsewhere := config.OAuthClient{ID: client.ID, SecretParameter: "google"}
	stored := &parameters{value: secret.New(client.Secret), clock: time.Now()}
	return house{github: github, google: google, stored: stored, IdentityProviders: oauth.NewProviders(config.Config{
		PublicURL: publicURL, KeySetMaxAge: secretAge,
		OAuth: config.OAuth{
			GitHub: registered, GitHubURL: github.URL, GitHubAPIURL: github.URL, Google: elsewhere, GoogleIssuer: google.URL,
		},
	}, stored.read, stored.now)}
}

// server is what both stand-ins are.
func (h house) server(provider string) *standin.Server {
	if provider == "github" {
		return h.github.Server
	}
	return h.google.Server
}

func (h house) provider(t *testing.T, name string) signin.IdentityProvider {
	t.Helper()
	provider, err := h.Provider(name)
	if err != nil {
		t.Fatal(err)
	}
	return provider
}

// callback goes to the provider, as a browser, and returns what it comes back with.
func (h house) callback(t *testing.T, name string) url.Values {
	t.Helper()
	location, err := h.provider(t, name).AuthorizationURL(t.Context(), keys)
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
		t.Fatalf("the provider answers %d", response.StatusCode)
	}
	if want := publicURL + "/api/auth/oauth/" + name + "/callback"; !strings.HasPrefix(target.String(), want+"?") {
		t.Fatalf("the browser is sent to %s", target)
	}
	return target.Query()
}

// patience is how long a test waits for a provider that never answers.
const patience = 300 * time.Millisecond

// identify goes through the flow up to the identity.
func (h house) identify(t *testing.T, name string) (signin.Profile, error) {
	t.Helper()
	query := h.callback(t, name)
	if query.Get("state") != keys.State.Reveal() {
		t.Errorf("the state came back as %q", query.Get("state"))
	}
	return h.exchange(t, name, query.Get("code"))
}

func (h house) exchange(t *testing.T, name, code string) (signin.Profile, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*patience)
	defer cancel()
	return h.provider(t, name).Identify(ctx, secret.New(code), keys)
}
