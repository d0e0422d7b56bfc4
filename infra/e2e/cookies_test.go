package e2e_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"latchkey/infra/local/stack"
)

// cookieLogin signs in on the shared stack and returns the cookie as a header.
func cookieLogin(t *testing.T, name string) string {
	t.Helper()
	got := post(t, "/api/auth/session/login", credentials(name))
	if got.Status != http.StatusOK || got.Body != `{"message":"Successfully logged in"}` {
		t.Fatalf("logging in: %v", got)
	}
	checkHeaders(t, got)
	set := got.Header.Get("Set-Cookie")
	pair, attributes, _ := strings.Cut(set, "; ")
	if !strings.HasPrefix(pair, "session_id=") || attributes != "Path=/; Max-Age=604800; HttpOnly; SameSite=Lax" {
		t.Fatalf("Set-Cookie is %q", set)
	}
	return "Cookie: " + pair
}

func me(t *testing.T, headers ...string) response {
	t.Helper()
	return send(t, shared.URL, "GET", "/api/auth/me", "", headers...)
}

func TestCookieSession(t *testing.T) {
	register(t, "baker")
	first, second := cookieLogin(t, "baker"), cookieLogin(t, "baker")
	for _, cookie := range []string{first, second} {
		if got := me(t, cookie); got.Member("username") != "baker" || got.Header.Get("Set-Cookie") != "" {
			t.Errorf("me: %v, Set-Cookie %q", got, got.Header.Get("Set-Cookie"))
		}
	}
	out := post(t, "/api/auth/session/logout", "", first)
	if out.Status != http.StatusOK || out.Body != `{"message":"Successfully logged out"}` ||
		out.Header.Get("Set-Cookie") != "session_id=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax" {
		t.Errorf("logging out: %v, Set-Cookie %q", out, out.Header.Get("Set-Cookie"))
	}
	dead := me(t, first)
	if dead.Status != http.StatusUnauthorized || !strings.HasPrefix(dead.Header.Get("Set-Cookie"), "session_id=;") {
		t.Errorf("the saved cookie: %d, Set-Cookie %q", dead.Status, dead.Header.Get("Set-Cookie"))
	}
	if got := post(t, "/api/auth/session/logout", "", first); got.Status != http.StatusUnauthorized {
		t.Errorf("logging out again: %v", got)
	}
	if got := me(t, second); got.Status != http.StatusOK {
		t.Errorf("the other session: %d", got.Status)
	}
	if got := post(t, "/api/auth/logout", "", second); got.Status != http.StatusOK {
		t.Errorf("the other logout with a cookie: %v", got)
	}
}

func TestALoginAdoptsNoCookie(t *testing.T) {
	register(t, "fixed")
	planted := cookieLogin(t, "fixed")
	got := post(t, "/api/auth/session/login", credentials("fixed"), planted)
	if value, _, _ := strings.Cut(got.Header.Get("Set-Cookie"), ";"); "Cookie: "+value == planted || got.Status != http.StatusOK {
		t.Errorf("the login answers %d and keeps the cookie it was sent", got.Status)
	}
}

func TestBearerBeforeCookie(t *testing.T) {
	token := register(t, "first")
	register(t, "second")
	cookie := cookieLogin(t, "second")
	if got := me(t, bearer(token), cookie); got.Member("username") != "first" {
		t.Errorf("both good: %v", got)
	}
	if got := me(t, bearer("bad"), cookie); got.Member("username") != "second" {
		t.Errorf("bad bearer: %v", got)
	}
	if got := me(t, bearer(token), "Cookie: session_id=bad"); got.Member("username") != "first" {
		t.Errorf("bad cookie: %v", got)
	}
}

func TestAnotherOriginChangesNothing(t *testing.T) {
	register(t, "tricked")
	cookie := cookieLogin(t, "tricked")
	for name, foreign := range map[string][]string{
		"a browser":      {"Origin: https://evil.example", "Sec-Fetch-Site: cross-site"},
		"an old browser": {"Origin: https://evil.example"},
		"a sandbox":      {"Origin: null", "Sec-Fetch-Site: cross-site"},
	} {
		form := append([]string{cookie, "Content-Type: application/x-www-form-urlencoded"}, foreign...)
		before := kinds(t)["S#"]
		for _, path := range []string{"/api/auth/session/logout", "/api/auth/logout", "/api/auth/session/login", "/api/auth/me"} {
			got := send(t, shared.URL, "POST", path, "username=tricked&password=x", form...)
			if got.Status != http.StatusForbidden || got.Member("code") != "cross_origin_refused" || got.Header.Get("Set-Cookie") != "" {
				t.Errorf("%s: %s answers %v", name, path, got)
			}
		}
		login := append([]string{"Content-Type: application/json"}, foreign...)
		if got := send(t, shared.URL, "POST", "/api/auth/session/login", credentials("tricked"), login...); got.Status != http.StatusForbidden {
			t.Errorf("%s: a login answers %d", name, got.Status)
		}
		if after := kinds(t)["S#"]; after != before || me(t, cookie).Status != http.StatusOK {
			t.Errorf("%s: something changed", name)
		}
	}
}

// TestCORS: the list that the functions check is the list that the gateway answers from.
func TestCORS(t *testing.T) {
	const allowed, foreign = "http://localhost:3000", "http://localhost:3001"
	api := startStack(t, stack.Options{
		Root: moduleRoot(t), Log: io.Discard, Environment: map[string]string{"ALLOWED_ORIGINS": allowed + ",https://other.example"},
	})
	preflight := func(origin string) response {
		return send(t, api.URL, "OPTIONS", "/api/auth/session/login", "", "Origin: "+origin,
			"Access-Control-Request-Method: POST", "Access-Control-Request-Headers: content-type")
	}
	granted := preflight(allowed)
	if granted.Header.Get("Access-Control-Allow-Origin") != allowed || granted.Header.Get("Access-Control-Allow-Credentials") != "true" {
		t.Errorf("the preflight of the allowed origin: %d %v", granted.Status, granted.Header)
	}
	if got := preflight(foreign).Header.Get("Access-Control-Allow-Origin"); got != "" {
		t.Errorf("the preflight of a foreign origin allows %q", got)
	}
	body := registration("webuser")
	got := send(t, api.URL, "POST", "/api/auth/register", body, "Content-Type: application/json", "Origin: "+allowed)
	if got.Status != http.StatusCreated || got.Header.Get("Access-Control-Allow-Origin") != allowed {
		t.Errorf("a request of the allowed origin: %d %v", got.Status, got.Header)
	}
	for origin, status := range map[string]int{allowed: http.StatusOK, foreign: http.StatusForbidden} {
		got := send(t, api.URL, "POST", "/api/auth/session/login", credentials("webuser"), "Content-Type: application/json", "Origin: "+origin, "Sec-Fetch-Site: same-site")
		if got.Status != status {
			t.Errorf("a cookie login from %s: %v", origin, got)
		}
	}
}

// TestCookieRenewal: a used cookie is sent again, and an unused one dies.
func TestCookieRenewal(t *testing.T) {
	api := startStack(t, stack.Options{
		Root: moduleRoot(t), Log: io.Discard, Environment: map[string]string{"SESSION_IDLE_SECONDS": "4"},
	})
	send(t, api.URL, "POST", "/api/auth/register", registration("idler"), "Content-Type: application/json")
	set := send(t, api.URL, "POST", "/api/auth/session/login", credentials("idler"), "Content-Type: application/json").Header.Get("Set-Cookie")
	pair, attributes, _ := strings.Cut(set, "; ")
	if attributes != "Path=/; Max-Age=4; HttpOnly; SameSite=Lax" {
		t.Fatalf("Set-Cookie is %q", set)
	}
	for range 4 {
		time.Sleep(1200 * time.Millisecond)
		got := send(t, api.URL, "GET", "/api/auth/me", "", "Cookie: "+pair)
		if got.Status != http.StatusOK || got.Header.Get("Set-Cookie") != set {
			t.Fatalf("a used cookie: %d, Set-Cookie %q", got.Status, got.Header.Get("Set-Cookie"))
		}
	}
	time.Sleep(4100 * time.Millisecond)
	if got := send(t, api.URL, "GET", "/api/auth/me", "", "Cookie: "+pair); got.Status != http.StatusUnauthorized {
		t.Errorf("an unused cookie: %d", got.Status)
	}
}

// TestManyCookieLoginsOverHTTP: past the limit the oldest gives way.
func TestManyCookieLoginsOverHTTP(t *testing.T) {
	token := register(t, "hoarder")
	hoarder := idOf(t, token)
	devices := make([]string, 60) // strangers would have to wait for one another
	for i := range devices {
		devices[i] = deviceOf(t, hoarder, 0)
	}
	statuses := atOnce(t, len(devices), func(i int) (response, error) {
		return try(t.Context(), shared.URL, "POST", "/api/auth/session/login", credentials("hoarder"), "Content-Type: application/json", devices[i])
	})
	if statuses[http.StatusOK] != 60 {
		t.Errorf("the statuses are %v", statuses)
	}
	if got := me(t, bearer(token)); got.Status != http.StatusUnauthorized {
		t.Errorf("the oldest of 61 sessions: %d", got.Status)
	}
	cookie := cookieLogin(t, "hoarder")
	if got := me(t, cookie); got.Status != http.StatusOK {
		t.Errorf("the newest session: %d", got.Status)
	}
}
