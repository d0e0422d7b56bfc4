package e2e_test

import (
	"crypto/rand"
	"net/http"
	"strings"
	"testing"
	"time"

	"latchkey/infra/local/stack"
	"latchkey/infra/testkit/httpclient"
	"latchkey/pkg/guard"
	"latchkey/pkg/id"
	"latchkey/pkg/token"
)

// cookieLogin signs in on the shared stack and returns the session cookie as a request header.
func cookieLogin(t *testing.T, name string) string {
	t.Helper()
	got := post(t, "/api/auth/session/login", credentials(name))
	if got.Status != http.StatusOK || got.Body != `{"message":"Successfully logged in"}` {
		t.Fatalf("session/login as %s: got %v, want 200 Successfully logged in", name, got)
	}
	checkHeaders(t, got)
	header := got.Header.Get("Set-Cookie")
	pair, attributes, _ := strings.Cut(header, "; ")
	if want := "Path=/; Max-Age=604800; HttpOnly; SameSite=Lax"; !strings.HasPrefix(pair, "session_id=") || attributes != want {
		t.Fatalf("session/login as %s: got Set-Cookie %q, want session_id with %q", name, header, want)
	}
	return "Cookie: " + pair
}

func TestCookieSession(t *testing.T) {
	name := uniqueName("cookie")
	register(t, name)
	first, second := cookieLogin(t, name), cookieLogin(t, name)
	for _, cookie := range []string{first, second} {
		if got := me(t, cookie); got.Member("username") != name || got.Header.Get("Set-Cookie") != "" {
			t.Errorf("me: got %v and Set-Cookie %q, want the user %s and no cookie", got, got.Header.Get("Set-Cookie"), name)
		}
	}
	const cleared = "session_id=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"
	logout := post(t, "/api/auth/session/logout", "", first)
	if logout.Status != http.StatusOK || logout.Body != `{"message":"Successfully logged out"}` || logout.Header.Get("Set-Cookie") != cleared {
		t.Errorf("session/logout: got %v and Set-Cookie %q, want 200 and %q", logout, logout.Header.Get("Set-Cookie"), cleared)
	}
	ended := me(t, first)
	if ended.Status != http.StatusUnauthorized || !strings.HasPrefix(ended.Header.Get("Set-Cookie"), "session_id=;") {
		t.Errorf("me with the old cookie: got %v and Set-Cookie %q, want 401 and a cleared cookie", ended, ended.Header.Get("Set-Cookie"))
	}
	if got := post(t, "/api/auth/session/logout", "", first); got.Status != http.StatusUnauthorized {
		t.Errorf("repeated session/logout: got %v, want 401", got)
	}
	if got := me(t, second); got.Status != http.StatusOK {
		t.Errorf("me with the cookie of the other session: got %v, want 200", got)
	}
	if got := post(t, "/api/auth/logout", "", second); got.Status != http.StatusOK {
		t.Errorf("logout with a cookie: got %v, want 200", got)
	}
}

// TestLoginIgnoresSentCookies checks that a login never continues the session of a cookie that it is sent (session fixation).
func TestLoginIgnoresSentCookies(t *testing.T) {
	name := uniqueName("fixation")
	register(t, name)
	planted := cookieLogin(t, name)
	if got := post(t, "/api/auth/session/login", credentials(name), planted); got.Status != http.StatusOK || got.Cookie() == planted {
		t.Errorf("session/login with a cookie: got %v and the cookie %q, want 200 and a new cookie", got, got.Cookie())
	}
}

func TestBearerBeforeCookie(t *testing.T) {
	tokenUser, cookieUser := uniqueName("token"), uniqueName("cookie")
	token := register(t, tokenUser)
	register(t, cookieUser)
	cookie := cookieLogin(t, cookieUser)
	for name, test := range map[string]struct {
		headers []string
		want    string
	}{
		"both valid":     {[]string{bearer(token), cookie}, tokenUser},
		"invalid bearer": {[]string{bearer("bad"), cookie}, cookieUser},
		"invalid cookie": {[]string{bearer(token), "Cookie: session_id=bad"}, tokenUser},
	} {
		if got := me(t, test.headers...); got.Member("username") != test.want {
			t.Errorf("%s: got %v, want the user %s", name, got, test.want)
		}
	}
}

func TestAnotherOriginChangesNothing(t *testing.T) {
	name := uniqueName("cross-origin")
	register(t, name)
	cookie := cookieLogin(t, name)
	for browser, foreign := range map[string][]string{
		"browser":     {"Origin: https://evil.example", "Sec-Fetch-Site: cross-site"},
		"old browser": {"Origin: https://evil.example"},
		"sandbox":     {"Origin: null", "Sec-Fetch-Site: cross-site"},
	} {
		form := append([]string{cookie, httpclient.Form}, foreign...)
		before := countItems(t)
		for _, path := range []string{"/api/auth/session/logout", "/api/auth/logout", "/api/auth/session/login", "/api/auth/me"} {
			got := send(t, shared.URL, "POST", path, "username="+name+"&password=x", form...)
			if got.Status != http.StatusForbidden || got.Member("code") != "cross_origin_refused" || got.Header.Get("Set-Cookie") != "" {
				t.Errorf("%s, form to %s: got %v, want 403 cross_origin_refused and no cookie", browser, path, got)
			}
		}
		if got := post(t, "/api/auth/session/login", credentials(name), foreign...); got.Status != http.StatusForbidden {
			t.Errorf("%s, session/login: got %v, want 403", browser, got)
		}
		checkAdded(t, before, map[string]int{"S#": 0})
		if got := me(t, cookie); got.Status != http.StatusOK {
			t.Errorf("%s, me afterwards: got %v, want 200", browser, got)
		}
	}
}

// TestCORS checks that the functions and the gateway accept the same origins.
func TestCORS(t *testing.T) {
	const allowed, foreign = "http://localhost:3000", "http://localhost:3001"
	api := startStack(t, stack.Options{Environment: map[string]string{"ALLOWED_ORIGINS": allowed + ",https://other.example"}})
	preflight := func(origin string) http.Header {
		return send(t, api.URL, "OPTIONS", "/api/auth/session/login", "", "Origin: "+origin,
			"Access-Control-Request-Method: POST", "Access-Control-Request-Headers: content-type").Header
	}
	header := preflight(allowed)
	if header.Get("Access-Control-Allow-Origin") != allowed || header.Get("Access-Control-Allow-Credentials") != "true" {
		t.Errorf("preflight from %s: got %v, want it to allow the origin and credentials", allowed, header)
	}
	if got := preflight(foreign).Get("Access-Control-Allow-Origin"); got != "" {
		t.Errorf("preflight from %s: got Access-Control-Allow-Origin %q, want none", foreign, got)
	}
	registered := sendJSON(t, api.URL, "/api/auth/register", registration("webuser"), "Origin: "+allowed)
	if registered.Status != http.StatusCreated || registered.Header.Get("Access-Control-Allow-Origin") != allowed {
		t.Errorf("register from %s: got %v %v, want 201 and the origin allowed", allowed, registered, registered.Header)
	}
	for origin, want := range map[string]int{allowed: http.StatusOK, foreign: http.StatusForbidden} {
		got := sendJSON(t, api.URL, "/api/auth/session/login", credentials("webuser"), "Origin: "+origin, "Sec-Fetch-Site: same-site")
		if got.Status != want {
			t.Errorf("session/login from %s: got %v, want %d", origin, got, want)
		}
	}
}

// TestCookieRenewal checks that a cookie in use is sent again and stays valid, and that an unused one expires.
func TestCookieRenewal(t *testing.T) {
	api := startStack(t, stack.Options{Environment: map[string]string{"SESSION_IDLE_SECONDS": "4"}})
	sendJSON(t, api.URL, "/api/auth/register", registration("idler"))
	got := sendJSON(t, api.URL, "/api/auth/session/login", credentials("idler"))
	header, cookie := got.Header.Get("Set-Cookie"), got.Cookie()
	_, attributes, _ := strings.Cut(header, "; ")
	if want := "Path=/; Max-Age=4; HttpOnly; SameSite=Lax"; attributes != want {
		t.Fatalf("session/login: got Set-Cookie %q, want the attributes %q", header, want)
	}
	for range 4 {
		time.Sleep(1200 * time.Millisecond)
		got := send(t, api.URL, "GET", "/api/auth/me", "", cookie)
		if got.Status != http.StatusOK || got.Header.Get("Set-Cookie") != header {
			t.Fatalf("me in time: got %v and Set-Cookie %q, want 200 and %q", got, got.Header.Get("Set-Cookie"), header)
		}
	}
	time.Sleep(4100 * time.Millisecond)
	if got := send(t, api.URL, "GET", "/api/auth/me", "", cookie); got.Status != http.StatusUnauthorized {
		t.Errorf("me after 4 s without a request: got %v, want 401", got)
	}
}

// TestTheOldestSessionIsEnded checks that an account keeps its newest 50 sessions.
func TestTheOldestSessionIsEnded(t *testing.T) {
	name := uniqueName("sessions")
	token := register(t, name)
	user := userID(t, token)
	devices := make([]string, 60) // known ones, because unknown devices would have to wait for one another
	for i := range devices {
		devices[i] = deviceCookie(t, user, 0)
	}
	statuses := concurrently(t, len(devices), func(i int) (response, error) {
		return tryPost(t, "/api/auth/session/login", credentials(name), devices[i])
	})
	if statuses[http.StatusOK] != 60 {
		t.Errorf("60 logins: got the statuses %v, want 200", statuses)
	}
	if got := me(t, bearer(token)); got.Status != http.StatusUnauthorized {
		t.Errorf("me in the oldest of 61 sessions: got %v, want 401", got)
	}
	if got := me(t, cookieLogin(t, name)); got.Status != http.StatusOK {
		t.Errorf("me in the newest session: got %v, want 200", got)
	}
}

// deviceCookie returns the cookie of a new device that a user knows since an epoch, sealed with the keys of the shared stack.
func deviceCookie(t *testing.T, user string, epoch uint64) string {
	t.Helper()
	keys, err := token.ParseKeySet([]byte(signingKeys(t)), "ES256")
	if err != nil {
		t.Fatal(err)
	}
	return "Cookie: device=" + keys.SealDevice(guard.Familiar{User: parseID(t, user), Epoch: epoch, Device: id.New(rand.Reader)}).Reveal()
}
