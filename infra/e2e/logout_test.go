package e2e_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestAMalformedLogoutRenewsTheCookie checks that a refused logout counts as a use of the session, because it ends nothing.
func TestAMalformedLogoutRenewsTheCookie(t *testing.T) {
	name := uniqueName("logout")
	register(t, name)
	for _, path := range []string{"/api/auth/logout", "/api/auth/session/logout"} {
		cookie := cookieLogin(t, name)
		makeRenewalDue(t, cookie)
		_, value, _ := strings.Cut(cookie, "=")
		got := post(t, path, "{", cookie)
		if header := got.Header.Get("Set-Cookie"); got.Status != http.StatusBadRequest || !strings.Contains(header, value) {
			t.Errorf("%s: got %v with Set-Cookie %q, want 400 and the same cookie", path, got, header)
		}
	}
}
