package acceptance

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// maxHops is how many pages a provider may lead through.
const maxHops = 10

// signsInElsewhere tries each provider that the contract names.
func (v *visitor) signsInElsewhere(t *testing.T) {
	checkRefusal(t, v.get(t, "/api/auth/oauth/nowhere"), http.StatusForbidden, "Unknown OAuth provider: nowhere")
	for _, provider := range []string{"github", "google"} {
		t.Run(provider, func(t *testing.T) { v.signsInAt(t, provider) })
	}
}

// signsInAt goes as far as it can: a provider without settings is not offered, and into one that is not on this machine, which is the
// real one, nobody can sign in by program.
func (v *visitor) signsInAt(t *testing.T, provider string) {
	path := "/api/auth/oauth/" + provider
	callback := path + "/callback"
	started := v.get(t, path)
	if started.status == http.StatusNotFound {
		checkRefusal(t, started, http.StatusNotFound, "OAuth provider not configured")
		checkRefusal(t, v.get(t, callback+"?code=x&state=x"), http.StatusNotFound, "OAuth provider not configured")
		t.Logf("NOT CHECKED, since %s has no settings here: signing in at it", provider)
		return
	}
	to := v.checkStart(t, started, callback)
	state := url.Values{"state": {to.Query().Get("state")}}.Encode()
	checkRefusal(t, v.get(t, callback+"?"+state), http.StatusBadRequest, "Validation failed for GET /api/auth/oauth/{provider}/callback")
	// Whoever has not begun the sign-in has no cookie of it.
	foreign := newClient(v.Deployment).get(t, callback+"?code=x&"+state)
	checkRefusal(t, foreign, http.StatusForbidden, "Invalid OAuth state")
	if !onThisMachine(to) {
		t.Logf("NOT CHECKED, since %s is the real one: signing in at it", to.Host)
		return
	}
	back := callback + "?" + v.passThrough(t, to, callback).RawQuery
	got := v.get(t, back)
	checkTokens(t, got, http.StatusOK)
	if me := v.get(t, "/api/auth/me", bearer(got.member("access_token"))); me.member("oauth_provider") != provider {
		t.Errorf("the user is %d %s", me.status, me.body)
	}
	checkRefusal(t, v.get(t, back), http.StatusForbidden, "Invalid OAuth state")
}

// checkStart looks at the redirect to the provider, and returns where it leads.
func (v *visitor) checkStart(t *testing.T, started answer, callback string) *url.URL {
	t.Helper()
	to, err := url.Parse(started.header.Get("Location"))
	if err != nil || started.status != http.StatusFound {
		t.Fatalf("the answer is %d %s", started.status, started.body)
	}
	query := to.Query()
	if query.Get("code_challenge_method") != "S256" || query.Get("state") == "" || !strings.HasSuffix(query.Get("redirect_uri"), callback) {
		t.Errorf("the provider is asked for %v", query)
	}
	if set := started.header.Get("Set-Cookie"); !strings.Contains(set, "oauth_binding=") || !strings.Contains(set, "; HttpOnly; ") {
		t.Errorf("the binding is set as %q", set)
	}
	return to
}

func onThisMachine(to *url.URL) bool {
	return to.Hostname() == "localhost" || to.Hostname() == "127.0.0.1"
}

// passThrough goes where the provider leads, signs in on its page if there is one, and returns where it leads back to.
func (v *visitor) passThrough(t *testing.T, to *url.URL, callback string) *url.URL {
	t.Helper()
	form := url.Values{"email": {"provider-" + v.email}, "verified": {"on"}}.Encode()
	got := v.fetch(t, http.MethodGet, to.String(), "")
	for range maxHops {
		if got.status == http.StatusOK {
			got = v.fetch(t, http.MethodPost, to.String(), form, "Content-Type: application/x-www-form-urlencoded")
		}
		next, err := to.Parse(got.header.Get("Location"))
		switch {
		case err != nil || got.status < 300 || got.status > 399:
			t.Fatalf("%s answers %d %s", to, got.status, got.body)
		case next.Path == callback:
			return next
		}
		to = next
		got = v.fetch(t, http.MethodGet, to.String(), "")
	}
	t.Fatalf("the provider does not lead back within %d pages", maxHops)
	return nil
}
