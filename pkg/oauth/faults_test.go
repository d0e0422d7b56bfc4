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

// TestAProviderThatFails is a 502 wherever it fails, within the time that its caller has, and followed nowhere.
func TestAProviderThatFails(t *testing.T) {
	endpoints := map[string]string{
		githubtest.TokenPath: "github", githubtest.UserPath: "github", githubtest.EmailsPath: "github",
		openidtest.DiscoveryPath: "google", openidtest.KeysPath: "google", openidtest.TokenPath: "google",
	}
	for path, name := range endpoints {
		for wrong, injected := range standin.Faults() {
			t.Run(name+path+"/"+wrong, func(t *testing.T) {
				t.Parallel()
				h := newHouse(t)
				h.github.SignIn(githubtest.User{ID: 1, Login: "octocat"})
				h.google.SignIn("42", nil)
				err := h.failAt(t, name, path, injected)
				if got := fault.From(err); got == nil || got.Kind != fault.Upstream || got.Code != "oauth_provider_failed" {
					t.Errorf("the error is %v", err)
				}
				if len(err.Error()) > 400 {
					t.Errorf("the cause has %d bytes", len(err.Error()))
				}
				if h.server(name).Requests(standin.Elsewhere) != 0 {
					t.Error("a redirect was followed")
				}
			})
		}
	}
}

// failAt has the provider fail at one endpoint and returns what the flow ends with.
func (h house) failAt(t *testing.T, name, path string, injected standin.Fault) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if path == openidtest.DiscoveryPath {
		h.server(name).Fail(path, injected)
		_, err := h.provider(t, name).AuthorizationURL(ctx, keys)
		return err
	}
	code := h.callback(t, name).Get("code")
	h.server(name).Fail(path, injected)
	ctx, cancel = context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, err := h.provider(t, name).Identify(ctx, secret.New(code), keys)
	return err
}

// measured counts the bytes that were written.
type measured struct {
	http.ResponseWriter
	written *atomic.Int64
}

func (m measured) Write(data []byte) (int, error) {
	m.written.Add(int64(len(data)))
	return m.ResponseWriter.Write(data)
}

// TestAHugeAnswerIsNotReadToItsEnd: what a provider sends costs a function memory.
func TestAHugeAnswerIsNotReadToItsEnd(t *testing.T) {
	for path, name := range map[string]string{
		githubtest.UserPath: "github", githubtest.EmailsPath: "github", openidtest.DiscoveryPath: "google", openidtest.KeysPath: "google",
	} {
		t.Run(path, func(t *testing.T) {
			h := newHouse(t)
			h.github.SignIn(githubtest.User{ID: 1, Login: "octocat"})
			h.google.SignIn("42", nil)
			var written atomic.Int64
			ended := make(chan struct{})
			err := h.failAt(t, name, path, func(w http.ResponseWriter, r *http.Request) {
				defer close(ended)
				standin.Huge(measured{w, &written}, r)
			})
			if !errors.Is(err, signin.ErrOAuthProviderFailed) {
				t.Errorf("the error is %v", err)
			}
			<-ended
			if most := int64(32 << 20); written.Load() > most {
				t.Errorf("%d bytes could be sent", written.Load())
			}
		})
	}
}

// TestErrorsOfTheTokenEndpoint are refusals, whatever their status, but for those with which a server speaks of itself.
func TestErrorsOfTheTokenEndpoint(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		code   string
		want   error
	}{
		"a refusal":             {http.StatusBadRequest, "invalid_grant", signin.ErrOAuthFailed},
		"with a strange status": {http.StatusInternalServerError, "invalid_grant", signin.ErrOAuthFailed},
		"its own failure":       {http.StatusBadRequest, "server_error", signin.ErrOAuthProviderFailed},
		"too much to do":        {http.StatusBadRequest, "temporarily_unavailable", signin.ErrOAuthProviderFailed},
		"no code":               {http.StatusBadRequest, "", signin.ErrOAuthProviderFailed},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.google.SignIn("42", nil)
			err := h.failAt(t, "google", openidtest.TokenPath, func(w http.ResponseWriter, _ *http.Request) {
				standin.WriteJSON(w, test.status, map[string]string{"error": test.code, "error_description": "a tale"})
			})
			if !errors.Is(err, test.want) || strings.Contains(err.Error(), "tale") {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

// TestConnectionsEndWithTheRequest: a function is frozen after it, and a connection that the provider closes meanwhile would
// cost the next person their code, since an exchange is not tried again.
func TestConnectionsEndWithTheRequest(t *testing.T) {
	h := newHouse(t)
	h.github.SignIn(githubtest.User{ID: 1, Login: "octocat"})
	seen := map[string]bool{}
	for range 2 {
		err := h.failAt(t, "github", githubtest.TokenPath, func(w http.ResponseWriter, r *http.Request) {
			if seen[r.RemoteAddr] {
				t.Error("a connection was used again")
			}
			seen[r.RemoteAddr] = true
			standin.WriteJSON(w, http.StatusOK, map[string]string{"error": "bad_verification_code"})
		})
		if !errors.Is(err, signin.ErrOAuthFailed) {
			t.Fatal(err)
		}
		h.github.Reset()
	}
}

// TestAFailureIsNotKept: the next sign-in asks again.
func TestAFailureIsNotKept(t *testing.T) {
	h := newHouse(t)
	h.google.Fail(openidtest.DiscoveryPath, standin.ServerError)
	if _, err := h.provider(t, "google").AuthorizationURL(t.Context(), keys); !errors.Is(err, signin.ErrOAuthProviderFailed) {
		t.Errorf("the error is %v", err)
	}
	h.google.Reset()
	h.google.SignIn("42", nil)
	if _, err := h.identify(t, "google"); err != nil {
		t.Error(err)
	}
}

func TestProvidersWithoutSettings(t *testing.T) {
	providers := oauth.NewProviders(config.Config{}, (&parameters{}).read, time.Now)
	for name, want := range map[string]string{
		"github": "provider_not_configured", "google": "provider_not_configured", "facebook": "unknown_provider", "": "unknown_provider",
		"GitHub": "unknown_provider",
	} {
		if _, err := providers.Provider(name); fault.From(err).Code != want {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
}
