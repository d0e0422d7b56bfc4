package e2e_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"latchkey/infra/local/stack"
)

// refreshBody returns the body of a refresh, or of a logout that identifies the session by its refresh token.
func refreshBody(token string) string { return fmt.Sprintf(`{"refresh_token":%q}`, token) }

// refresh sends a refresh token to the shared stack.
func refresh(t *testing.T, token string) response {
	t.Helper()
	return post(t, "/api/auth/refresh", refreshBody(token))
}

// accepted reports whether the tokens of a pair are accepted. It uses the refresh token up.
func accepted(t *testing.T, pair response) (access, refreshToken bool) {
	t.Helper()
	user := me(t, bearer(pair.Member("access_token")))
	next := refresh(t, pair.Member("refresh_token"))
	for _, got := range []response{user, next} {
		if got.Status >= http.StatusInternalServerError {
			t.Errorf("got %v, want no server error", got)
		}
	}
	return user.Status == http.StatusOK, next.Status == http.StatusOK
}

// checkEnded ends the test if a token of the pair is still accepted.
func checkEnded(t *testing.T, pair response, when string) {
	t.Helper()
	if access, refresh := accepted(t, pair); access || refresh {
		t.Fatalf("%s: got access token accepted %v, refresh token %v, want neither", when, access, refresh)
	}
}

// TestRefreshAndLogout checks that a logout ends every token of the session, those from before a refresh included.
func TestRefreshAndLogout(t *testing.T) {
	name := uniqueName("refresh-then-logout")
	register(t, name)
	first := login(t, name)
	second := refresh(t, first.Member("refresh_token"))
	checkTokens(t, second, http.StatusOK)
	logout := post(t, "/api/auth/logout", "", bearer(second.Member("access_token")))
	if want := `{"message":"Successfully logged out"}`; logout.Status != http.StatusOK || logout.Body != want {
		t.Fatalf("logout: got %v, want 200 %s", logout, want)
	}
	for pair, tokens := range map[string]response{"first": first, "second": second} {
		if access, refresh := accepted(t, tokens); access || refresh {
			t.Errorf("the %s pair after the logout: got access token accepted %v, refresh token %v, want neither", pair, access, refresh)
		}
	}
	if got := post(t, "/api/auth/logout", "", bearer(second.Member("access_token"))); got.Status != http.StatusUnauthorized {
		t.Errorf("repeated logout: got %v, want 401", got)
	}
}

// TestReuseEndsTheSession checks that reusing a refresh token from two refreshes ago is treated as theft.
func TestReuseEndsTheSession(t *testing.T) {
	name := uniqueName("reuse")
	register(t, name)
	first := login(t, name)
	second := refresh(t, first.Member("refresh_token"))
	third := refresh(t, second.Member("refresh_token"))
	got := refresh(t, first.Member("refresh_token"))
	if want := "Invalid refresh token"; got.Status != http.StatusForbidden || got.Member("detail") != want {
		t.Errorf("refresh with the first token: got %v, want 403 %q", got, want)
	}
	checkEnded(t, third, "after the reuse")
}

// TestLogoutWithABody checks that a logout accepts a refresh token in its body. An invalid body ends nothing, and only
// signed-in callers learn that it is invalid.
func TestLogoutWithABody(t *testing.T) {
	name := uniqueName("logout")
	register(t, name)
	tokens := login(t, name)
	access, refreshToken := tokens.Member("access_token"), tokens.Member("refresh_token")
	for name, test := range map[string]struct {
		body    string
		headers []string
		want    int
	}{
		"malformed, signed in":      {`{`, []string{bearer(access)}, 400},
		"malformed, not signed in":  {`{`, nil, 401},
		"malformed, bad token":      {`{`, []string{bearer("x")}, 401},
		"wrong type, signed in":     {`{"refresh_token":7}`, []string{bearer(access)}, 400},
		"wrong type, not signed in": {`{"refresh_token":7}`, nil, 401},
		"forged token":              {`{"refresh_token":"AAAA"}`, nil, 401},
		"empty":                     {``, nil, 401},
		"access token":              {refreshBody(access), nil, 401},
		"refresh token as bearer":   {``, []string{bearer(refreshToken)}, 401},
	} {
		if got := post(t, "/api/auth/logout", test.body, test.headers...); got.Status != test.want {
			t.Errorf("%s: got %v, want %d", name, got, test.want)
		}
	}
	if got := me(t, bearer(access)); got.Status != http.StatusOK {
		t.Fatalf("me after the refused logouts: got %v, want 200", got)
	}
	if got := post(t, "/api/auth/logout", refreshBody(refreshToken)); got.Status != http.StatusOK {
		t.Errorf("logout by the refresh token alone: got %v, want 200", got)
	}
	checkEnded(t, tokens, "after the logout")
}

// TestTokenManager follows the TokenManager class of the guide with access tokens that live two seconds, over three refreshes.
func TestTokenManager(t *testing.T) {
	api := startStack(t, stack.Options{Environment: map[string]string{"ACCESS_TOKEN_SECONDS": "2"}})
	tokens := sendJSON(t, api.URL, "/api/auth/register", registration("manager"))
	for round := range 3 {
		if tokens.Member("expires_in") != "2" {
			t.Fatalf("round %d: got %v, want tokens with expires_in 2", round, tokens)
		}
		access := bearer(tokens.Member("access_token"))
		if got := sendJSON(t, api.URL, "/api/auth/me", "", access); got.Status != http.StatusOK {
			t.Errorf("round %d: me with a new token: got %v, want 200", round, got)
		}
		time.Sleep(2100 * time.Millisecond)
		if got := sendJSON(t, api.URL, "/api/auth/me", "", access); got.Status != http.StatusUnauthorized {
			t.Errorf("round %d: me with an expired token: got %v, want 401", round, got)
		}
		tokens = sendJSON(t, api.URL, "/api/auth/refresh", refreshBody(tokens.Member("refresh_token")))
	}
	if tokens.Status != http.StatusOK {
		t.Errorf("the last refresh: got %v, want 200", tokens)
	}
}
