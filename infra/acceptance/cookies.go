package acceptance

import (
	"net/http"
	"strings"
	"testing"
)

// sessionCookie is the header that sets the session cookie, and the name that it must have at this deployment.
func (v *visitor) sessionCookie(got answer) (set, name string) {
	name = "session_id" // on plain-HTTP localhost, where browsers take no other
	if strings.HasPrefix(v.URL, "https:") {
		name = "__Host-session_id"
	}
	for _, set := range got.header.Values("Set-Cookie") {
		if strings.HasPrefix(set, name+"=") {
			return set, name
		}
	}
	return "", name
}

// usesCookies signs in and out as a web application has its browser do: the client keeps and sends what it is told to.
func (v *visitor) usesCookies(t *testing.T) {
	got := v.login(t, "/api/auth/session/login", v.username, v.password)
	checkMessage(t, got, http.StatusOK, "Successfully logged in")
	set, name := v.sessionCookie(got)
	for _, attribute := range []string{"; Path=/", "; Max-Age=", "; HttpOnly", "; SameSite=Lax"} {
		if !strings.Contains(set, attribute) {
			t.Errorf("the cookie %s is set as %q, without %q", name, set, attribute)
		}
	}
	if secure := strings.Contains(set, "; Secure"); secure != strings.HasPrefix(name, "__Host-") {
		t.Errorf("the cookie %s is set as %q", name, set)
	}
	if me := v.get(t, "/api/auth/me"); me.member("username") != v.username {
		t.Errorf("the cookie's user is %d %s", me.status, me.body)
	}
	foreign := v.send(t, http.MethodPost, "/api/auth/session/logout", "", "Origin: https://evil.example", "Sec-Fetch-Site: cross-site")
	checkRefusal(t, foreign, http.StatusForbidden, "Cross-origin request refused")
	out := v.send(t, http.MethodPost, "/api/auth/session/logout", "")
	checkMessage(t, out, http.StatusOK, "Successfully logged out")
	if set, _ := v.sessionCookie(out); !strings.Contains(set, "; Max-Age=0") {
		t.Errorf("the logout sets %q", set)
	}
	// The client has no cookie any more; whoever kept a copy has nothing either.
	pair, _, _ := strings.Cut(set, ";")
	checkRefusal(t, v.get(t, "/api/auth/me", "Cookie: "+pair), http.StatusUnauthorized, "Authentication required")
}
