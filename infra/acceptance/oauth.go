package acceptance

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"latchkey/infra/testkit/httpclient"
)

// signInAtProviders signs in at each provider of the contract.
func (u *user) signInAtProviders(t *testing.T) {
	checkRefusal(t, u.get(t, "/api/auth/oauth/nowhere"), http.StatusForbidden, "Unknown OAuth provider: nowhere")
	for _, provider := range []string{"github", "google"} {
		t.Run(provider, func(t *testing.T) { u.signInAt(t, provider) })
	}
}

// signInAt goes as far as possible. A provider without settings is not available, and a program cannot sign in at a real
// provider, which is one that does not run on this machine.
func (u *user) signInAt(t *testing.T, provider string) {
	path := "/api/auth/oauth/" + provider
	callback := path + "/callback"
	start := u.get(t, path)
	if start.Status == http.StatusNotFound {
		checkRefusal(t, start, http.StatusNotFound, "OAuth provider not configured")
		checkRefusal(t, u.get(t, callback+"?code=x&state=x"), http.StatusNotFound, "OAuth provider not configured")
		t.Logf("NOT CHECKED, because %s is not configured: the sign-in at it", provider)
		return
	}
	authorization := u.checkStart(t, start, callback)
	state := url.Values{"state": {authorization.Query().Get("state")}}.Encode()
	checkRefusal(t, u.get(t, callback+"?"+state), http.StatusBadRequest, "Validation failed for GET /api/auth/oauth/{provider}/callback")
	// Another browser does not have the cookie of the flow.
	foreign := newClient(u.Deployment).Send(t, http.MethodGet, u.URL+callback+"?code=x&"+state, "")
	checkRefusal(t, foreign, http.StatusForbidden, "Invalid OAuth state")
	if !isLocal(authorization) {
		t.Logf("NOT CHECKED, because %s is the real provider: the sign-in at it", authorization.Host)
		return
	}
	form := url.Values{"email": {"provider-" + u.email}, "verified": {"on"}}
	back := callback + "?" + u.client.Authorize(t, authorization.String(), callback, form).RawQuery
	got := u.get(t, back)
	checkTokens(t, got, http.StatusOK)
	if me := u.get(t, "/api/auth/me", httpclient.Bearer(got.Member("access_token"))); me.Member("oauth_provider") != provider {
		t.Errorf("me: got %v, want oauth_provider %s", me, provider)
	}
	checkRefusal(t, u.get(t, back), http.StatusForbidden, "Invalid OAuth state")
}

// checkStart checks the redirect to the provider and returns its target.
func (u *user) checkStart(t *testing.T, got httpclient.Response, callback string) *url.URL {
	t.Helper()
	target, err := url.Parse(got.Header.Get("Location"))
	if err != nil || got.Status != http.StatusFound {
		t.Fatalf("start: got %v, want a redirect", got)
	}
	query := target.Query()
	if query.Get("code_challenge_method") != "S256" || query.Get("state") == "" || !strings.HasSuffix(query.Get("redirect_uri"), callback) {
		t.Errorf("authorization request: got %v, want a state, the method S256 and a redirect URI that ends with %s", query, callback)
	}
	if cookie := got.Header.Get("Set-Cookie"); !strings.Contains(cookie, "oauth_binding=") || !strings.Contains(cookie, "; HttpOnly; ") {
		t.Errorf("start: got the cookie %q, want an HttpOnly one with the name oauth_binding", cookie)
	}
	return target
}

func isLocal(address *url.URL) bool {
	return address.Hostname() == "localhost" || address.Hostname() == "127.0.0.1"
}
