package oauth_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/infra/testkit/githubtest"
	"latchkey/infra/testkit/openidtest"
	"latchkey/infra/testkit/standin"
	"latchkey/pkg/config"
	"latchkey/pkg/fault"
	"latchkey/pkg/oauth"
	"latchkey/pkg/secret"
	"latchkey/pkg/signin"
)

// TestAProviderThatFails shows that each failure is a 502 within the time of the caller, and that no redirect is followed.
func TestAProviderThatFails(t *testing.T) {
	endpoints := map[string]string{
		githubtest.TokenPath: "github", githubtest.UserPath: "github", githubtest.EmailsPath: "github",
		openidtest.DiscoveryPath: "google", openidtest.KeysPath: "google", openidtest.TokenPath: "google",
	}
	for path, name := range endpoints {
		for kind, injected := range standin.Faults() {
			t.Run(name+path+"/"+kind, func(t *testing.T) {
				t.Parallel()
				f := newFixture(t)
				f.github.SignIn(githubtest.User{ID: 1, Login: "octocat"})
				f.google.SignIn("42", nil)
				err := f.failAt(t, name, path, injected)
				if got := fault.From(err); got == nil || got.Kind != fault.Upstream || got.Code != "oauth_provider_failed" {
					t.Errorf("got the error %v, want oauth_provider_failed", err)
				}
				if len(err.Error()) > 400 {
					t.Errorf("got a cause of %d bytes, want at most 400", len(err.Error()))
				}
				if f.server(name).Requests(standin.Elsewhere) != 0 {
					t.Error("a redirect was followed, want none")
				}
			})
		}
	}
}

// failAt makes the provider fail at one endpoint and returns the error of the flow.
func (f fixture) failAt(t *testing.T, name, path string, injected standin.Fault) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if path == openidtest.DiscoveryPath {
		f.server(name).Fail(path, injected)
		_, err := f.provider(t, name).AuthorizationURL(ctx, keys)
		return err
	}
	code := f.callback(t, name).Get("code")
	f.server(name).Fail(path, injected)
	ctx, cancel = context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, err := f.provider(t, name).Identify(ctx, secret.New(code), keys)
	return err
}

// countingWriter counts the written bytes.
type countingWriter struct {
	http.ResponseWriter
	written *atomic.Int64
}

func (c countingWriter) Write(data []byte) (int, error) {
	c.written.Add(int64(len(data)))
	return c.ResponseWriter.Write(data)
}

// TestAHugeResponseIsNotReadCompletely shows that a provider cannot exhaust the memory of a function.
func TestAHugeResponseIsNotReadCompletely(t *testing.T) {
	for path, name := range map[string]string{
		githubtest.UserPath: "github", githubtest.EmailsPath: "github", openidtest.DiscoveryPath: "google", openidtest.KeysPath: "google",
	} {
		t.Run(path, func(t *testing.T) {
			f := newFixture(t)
			f.github.SignIn(githubtest.User{ID: 1, Login: "octocat"})
			f.google.SignIn("42", nil)
			var written atomic.Int64
			ended := make(chan struct{})
			err := f.failAt(t, name, path, func(w http.ResponseWriter, r *http.Request) {
				defer close(ended)
				standin.Huge(countingWriter{w, &written}, r)
			})
			if !errors.Is(err, signin.ErrOAuthProviderFailed) {
				t.Errorf("got the error %v, want %v", err, signin.ErrOAuthProviderFailed)
			}
			<-ended
			if most := int64(32 << 20); written.Load() > most {
				t.Errorf("the provider could send %d bytes, want at most %d", written.Load(), most)
			}
		})
	}
}

// TestErrorsOfTheTokenEndpoint shows that they are refusals, whatever their status, except for failures of the server.
func TestErrorsOfTheTokenEndpoint(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		code   string
		want   error
	}{
		"a refusal":               {http.StatusBadRequest, "invalid_grant", signin.ErrOAuthFailed},
		"with a server status":    {http.StatusInternalServerError, "invalid_grant", signin.ErrOAuthFailed},
		"a failure of the server": {http.StatusBadRequest, "server_error", signin.ErrOAuthProviderFailed},
		"temporarily unavailable": {http.StatusBadRequest, "temporarily_unavailable", signin.ErrOAuthProviderFailed},
		"no code":                 {http.StatusBadRequest, "", signin.ErrOAuthProviderFailed},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.google.SignIn("42", nil)
			err := f.failAt(t, "google", openidtest.TokenPath, func(w http.ResponseWriter, _ *http.Request) {
				standin.WriteJSON(w, test.status, map[string]string{"error": test.code, "error_description": "a description"})
			})
			if !errors.Is(err, test.want) || strings.Contains(err.Error(), "a description") {
				t.Errorf("got the error %v, want %v without the description", err, test.want)
			}
		})
	}
}

// TestConnectionsEndWithTheRequest shows that no connection is reused. AWS freezes a function after a request. If the provider
// closed the connection meanwhile, the next exchange of a code would fail, and it is not repeated.
func TestConnectionsEndWithTheRequest(t *testing.T) {
	f := newFixture(t)
	f.github.SignIn(githubtest.User{ID: 1, Login: "octocat"})
	seen := map[string]bool{}
	for range 2 {
		err := f.failAt(t, "github", githubtest.TokenPath, func(w http.ResponseWriter, r *http.Request) {
			if seen[r.RemoteAddr] {
				t.Error("a connection was used again, want a new one")
			}
			seen[r.RemoteAddr] = true
			standin.WriteJSON(w, http.StatusOK, map[string]string{"error": "bad_verification_code"})
		})
		if !errors.Is(err, signin.ErrOAuthFailed) {
			t.Fatal(err)
		}
		f.github.Reset()
	}
}

// TestAFailureIsNotKept shows that the next sign-in reads the document again.
func TestAFailureIsNotKept(t *testing.T) {
	f := newFixture(t)
	f.google.Fail(openidtest.DiscoveryPath, standin.ServerError)
	if _, err := f.provider(t, "google").AuthorizationURL(t.Context(), keys); !errors.Is(err, signin.ErrOAuthProviderFailed) {
		t.Errorf("got the error %v, want %v", err, signin.ErrOAuthProviderFailed)
	}
	f.google.Reset()
	f.google.SignIn("42", nil)
	if _, err := f.identify(t, "google"); err != nil {
		t.Errorf("after the failure: got the error %v, want nil", err)
	}
}

func TestProvidersWithoutSettings(t *testing.T) {
	settings := config.OAuth{OpenID: map[string]config.OpenID{"google": {}}}
	providers := oauth.NewProviders(config.Config{OAuth: settings}, (&parameters{}).read, time.Now)
	for name, want := range map[string]string{
		"github": "provider_not_configured", "google": "provider_not_configured", "facebook": "unknown_provider", "": "unknown_provider",
		"GitHub": "unknown_provider",
	} {
		if _, err := providers.Provider(name); fault.From(err).Code != want {
			t.Errorf("Provider(%q) returned the error %v, want %s", name, err, want)
		}
	}
}
