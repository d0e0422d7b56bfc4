package e2e_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestAMalformedLogoutRenewsTheCookie: it ends nothing, so it is a use of the session like any other.
func TestAMalformedLogoutRenewsTheCookie(t *testing.T) {
	name := fresh()
	register(t, name)
	for _, path := range []string{"/api/auth/logout", "/api/auth/session/logout"} {
		cookie := cookieLogin(t, name)
		age(t, cookie)
		_, value, _ := strings.Cut(cookie, "=")
		got := post(t, path, "{", cookie)
		if set := got.Header.Get("Set-Cookie"); got.Status != http.StatusBadRequest || !strings.Contains(set, value) {
			t.Errorf("%s: got %v with Set-Cookie %q, want 400 and the same cookie", path, got, set)
		}
	}
}
