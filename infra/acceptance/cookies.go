package acceptance

import (
	"net/http"
	"strings"
	"testing"

	"latchkey/infra/testkit/httpclient"
)

// sessionCookie returns the Set-Cookie header of the session cookie, or "", and the name that this deployment must use.
func (u *user) sessionCookie(got httpclient.Response) (header, name string) {
	name = "session_id" // on localhost over plain HTTP, where browsers reject the prefix __Host-
	if strings.HasPrefix(u.URL, "https:") {
		name = "__Host-session_id"
	}
	for _, header := range got.Header.Values("Set-Cookie") {
		if strings.HasPrefix(header, name+"=") {
			return header, name
		}
	}
	return "", name
}

// useCookies signs in and out like a web application: the client stores and sends cookies.
func (u *user) useCookies(t *testing.T) {
	got := u.login(t, "/api/auth/session/login", u.username, u.password)
	checkMessage(t, got, http.StatusOK, "Successfully logged in")
	header, name := u.sessionCookie(got)
	for _, attribute := range []string{"; Path=/", "; Max-Age=", "; HttpOnly", "; SameSite=Lax"} {
		if !strings.Contains(header, attribute) {
			t.Errorf("cookie %s: got %q, want the attribute %q", name, header, attribute)
		}
	}
	if got, want := strings.Contains(header, "; Secure"), strings.HasPrefix(name, "__Host-"); got != want {
		t.Errorf("cookie %s: got %q, want Secure to be %v", name, header, want)
	}
	if me := u.get(t, "/api/auth/me"); me.Member("username") != u.username {
		t.Errorf("me with the cookie: got %v, want the user %s", me, u.username)
	}
	crossSite := u.send(t, http.MethodPost, "/api/auth/session/logout", "", "Origin: https://evil.example", "Sec-Fetch-Site: cross-site")
	checkRefusal(t, crossSite, http.StatusForbidden, "Cross-origin request refused")
	logout := u.send(t, http.MethodPost, "/api/auth/session/logout", "")
	checkMessage(t, logout, http.StatusOK, "Successfully logged out")
	if cleared, _ := u.sessionCookie(logout); !strings.Contains(cleared, "; Max-Age=0") {
		t.Errorf("logout: got the cookie %q, want one with Max-Age=0", cleared)
	}
	// The client has deleted the cookie, so a copy is sent.
	pair, _, _ := strings.Cut(header, ";")
	checkRefusal(t, u.get(t, "/api/auth/me", "Cookie: "+pair), http.StatusUnauthorized, "Authentication required")
}
