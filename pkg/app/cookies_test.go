package app

import (
	"context"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"latchkey/pkg/account"
	"latchkey/pkg/contract"
	"latchkey/pkg/fault"
	"latchkey/pkg/guard"
	"latchkey/pkg/httpapi"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
	"latchkey/pkg/signin"
)

// cookieStub replaces the rules of the endpoints that use cookies. Its store has one session, with the cookie "good".
type cookieStub struct {
	age    time.Duration // of the last use of the good cookie
	err    error         // of the rules
	down   error         // of the store
	logins int           // calls of CookieLogin
	outs   int           // calls of Logout
}

func (s *cookieStub) CookieLogin(context.Context, guard.Attempt) (signin.SignedIn, error) {
	s.logins++
	return signin.SignedIn{Cookie: secret.New("the-cookie"), Device: secret.New("the-device"), Standing: attemptStanding}, s.err
}

func (s *cookieStub) Logout(_ context.Context, request session.Resolution, _ secret.String) error {
	s.outs++
	if len(request.Live()) == 0 {
		return session.ErrAuthenticationRequired
	}
	return nil
}

// request sends a request to one of these endpoints of an https API. It replaces "good" in a cookie of the request by the cookie of
// the store, and the reverse in cookies of the response.
func (s *cookieStub) request(t *testing.T, row contract.Endpoint, body string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	store := newSessionStore(s.age)
	store.err = s.down
	endpoints := map[contract.Endpoint]httpapi.Endpoint{
		contract.SessionLogin:  sessionLogin(s),
		contract.Login:         login(&loginStub{}),
		contract.SessionLogout: logout(contract.SessionLogout, s),
		contract.Me:            me(contract.Me),
		contract.MeGet:         me(contract.MeGet),
	}
	for i := range headers {
		headers[i] = strings.ReplaceAll(headers[i], "=good", "="+store.cookie)
	}
	response := respond(serverOptions(store, io.Discard), endpoints[row], body, headers...)
	for i, set := range response.Header()["Set-Cookie"] {
		response.Header()["Set-Cookie"][i] = strings.ReplaceAll(set, store.cookie, "good")
	}
	return response
}

const (
	cookieSet     = "__Host-session_id=the-cookie; Path=/; Max-Age=604800; HttpOnly; Secure; SameSite=Lax"
	deviceSet     = "__Host-device=the-device; Path=/; Max-Age=31536000; HttpOnly; Secure; SameSite=Lax"
	cookieAgain   = "__Host-session_id=good; Path=/; Max-Age=604800; HttpOnly; Secure; SameSite=Lax"
	cookieCleared = "__Host-session_id=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax"
	goodCookie    = "Cookie: __Host-session_id=good"
	deadCookie    = "Cookie: __Host-session_id=dead"
)

func TestSetCookie(t *testing.T) {
	tests := map[string]struct {
		stub    cookieStub
		route   contract.Endpoint
		body    string
		headers []string
		status  int
		want    string
	}{
		"login":                         {cookieStub{}, contract.SessionLogin, good, nil, 200, cookieSet + "\n" + deviceSet},
		"login, with a cookie":          {cookieStub{}, contract.SessionLogin, good, []string{goodCookie}, 200, cookieSet + "\n" + deviceSet},
		"login refused":                 {cookieStub{err: account.ErrInvalidCredentials}, contract.SessionLogin, good, nil, 403, ""},
		"me, live cookie":               {cookieStub{}, contract.Me, "", []string{goodCookie}, 200, ""},
		"me, renewed cookie":            {cookieStub{age: 2 * time.Hour}, contract.Me, "", []string{goodCookie}, 200, cookieAgain},
		"me, dead cookie":               {cookieStub{}, contract.MeGet, "", []string{deadCookie}, 401, cookieCleared},
		"me, dead cookie, good bearer":  {cookieStub{}, contract.Me, "", []string{deadCookie, "Authorization: Bearer user"}, 200, cookieCleared},
		"me, no cookie":                 {cookieStub{}, contract.Me, "", nil, 401, ""},
		"me, a cookie of another name":  {cookieStub{}, contract.Me, "", []string{"Cookie: session_id=good"}, 401, ""},
		"me, the store is down":         {cookieStub{down: fault.ServiceUnavailable}, contract.Me, "", []string{goodCookie}, 503, ""},
		"logout":                        {cookieStub{}, contract.SessionLogout, "", []string{goodCookie}, 200, cookieCleared},
		"logout by bearer":              {cookieStub{}, contract.SessionLogout, "", []string{"Authorization: Bearer user"}, 200, ""},
		"logout, both":                  {cookieStub{}, contract.SessionLogout, "", []string{"Authorization: Bearer user", deadCookie}, 200, cookieCleared},
		"logout, dead cookie":           {cookieStub{}, contract.SessionLogout, "", []string{deadCookie}, 401, cookieCleared},
		"logout, the store is down":     {cookieStub{down: fault.ServiceUnavailable}, contract.SessionLogout, "", []string{goodCookie}, 503, ""},
		"logout, malformed body":        {cookieStub{}, contract.SessionLogout, "{", []string{goodCookie}, 400, ""},
		"logout, malformed, dead":       {cookieStub{}, contract.SessionLogout, "{", []string{deadCookie}, 401, cookieCleared},
		"logout, malformed, no cookies": {cookieStub{}, contract.SessionLogout, "{", nil, 401, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			response := test.stub.request(t, test.route, test.body, test.headers...)
			if got := strings.Join(response.Header()["Set-Cookie"], "\n"); response.Code != test.status || got != test.want {
				t.Errorf("%s with %q: got %d with Set-Cookie %q, want %d with %q", test.route.Key(), test.headers, response.Code, got, test.status, test.want)
			}
		})
	}
}

func TestCookiesOnLocalhost(t *testing.T) {
	origins, err := httpapi.NewOrigins("http://localhost:8000", nil)
	if err != nil {
		t.Fatal(err)
	}
	options := serverOptions(newSessionStore(0), io.Discard)
	options.HTTPS, options.Origins = false, origins
	options.Cookies.Session, options.Cookies.Device = httpapi.SessionCookies(false, 90*time.Second), httpapi.DeviceCookies(false)
	endpoint := sessionLogin(&cookieStub{})
	response := respondTo(options, endpoint, requestTo(endpoint, "http://localhost:8000/api/auth/session/login", good))
	if got, want := response.Header().Get("Set-Cookie"), "session_id=the-cookie; Path=/; Max-Age=90; HttpOnly; SameSite=Lax"; got != want {
		t.Errorf("session/login on localhost: got Set-Cookie %q, want %q", got, want)
	}
}

func TestCrossOrigin(t *testing.T) {
	tests := map[string]struct {
		route   contract.Endpoint
		headers []string
		refused bool
	}{
		"no browser":                           {contract.SessionLogin, nil, false},
		"same origin":                          {contract.SessionLogin, []string{"Sec-Fetch-Site: same-origin"}, false},
		"typed by the user":                    {contract.SessionLogin, []string{"Sec-Fetch-Site: none"}, false},
		"the allowed origin":                   {contract.SessionLogin, []string{"Sec-Fetch-Site: same-site", "Origin: https://app.example.com"}, false},
		"the API's own, in an old browser":     {contract.SessionLogin, []string{"Origin: https://auth.example.com"}, false},
		"allowed, in an old browser":           {contract.SessionLogin, []string{"Origin: https://app.example.com"}, false},
		"login from a sibling":                 {contract.SessionLogin, []string{"Sec-Fetch-Site: same-site", "Origin: https://evil.example.com"}, true},
		"login from elsewhere":                 {contract.SessionLogin, []string{"Sec-Fetch-Site: cross-site", "Origin: https://evil.example"}, true},
		"login from elsewhere, old browser":    {contract.SessionLogin, []string{"Origin: https://evil.example"}, true},
		"login from a sandbox":                 {contract.SessionLogin, []string{"Sec-Fetch-Site: cross-site", "Origin: null"}, true},
		"login without an Origin":              {contract.SessionLogin, []string{"Sec-Fetch-Site: cross-site"}, true},
		"login from our host, by http":         {contract.SessionLogin, []string{"Origin: http://auth.example.com"}, true},
		"login from our host, other port":      {contract.SessionLogin, []string{"Origin: https://auth.example.com:8443"}, true},
		"login from a sandbox, old browser":    {contract.SessionLogin, []string{"Origin: null"}, true},
		"login from the allowed, by http":      {contract.SessionLogin, []string{"Sec-Fetch-Site: cross-site", "Origin: http://app.example.com"}, true},
		"login from the allowed, other port":   {contract.SessionLogin, []string{"Sec-Fetch-Site: same-site", "Origin: https://app.example.com:8443"}, true},
		"logout with a cookie":                 {contract.SessionLogout, []string{goodCookie, "Sec-Fetch-Site: cross-site", "Origin: https://evil.example"}, true},
		"logout with a dead cookie":            {contract.SessionLogout, []string{deadCookie, "Sec-Fetch-Site: cross-site", "Origin: https://evil.example"}, true},
		"me by POST with a cookie":             {contract.Me, []string{goodCookie, "Sec-Fetch-Site: cross-site", "Origin: https://evil.example"}, true},
		"me by POST with a cookie and a token": {contract.Me, []string{goodCookie, "Authorization: Bearer user", "Sec-Fetch-Site: cross-site"}, true},
		"token login with a cookie":            {contract.Login, []string{goodCookie, "Sec-Fetch-Site: cross-site", "Origin: https://evil.example"}, true},
		"token login without a cookie":         {contract.Login, []string{"Sec-Fetch-Site: cross-site", "Origin: https://evil.example"}, true},
		"token login from the allowed origin":  {contract.Login, []string{"Sec-Fetch-Site: same-site", "Origin: https://app.example.com"}, false},
		"an origin without a name":             {contract.SessionLogin, []string{"Origin: http://-"}, true},
		"an origin of a space":                 {contract.SessionLogin, []string{"Origin: http://no host"}, true},
		"an origin of an escaped space":        {contract.SessionLogin, []string{"Origin: http://no%20host"}, true},
		"an empty host":                        {contract.SessionLogin, []string{"Origin: http://"}, true},
		"an opaque origin":                     {contract.SessionLogin, []string{"Origin: no host"}, true},
		"me by GET with a cookie":              {contract.MeGet, []string{goodCookie, "Sec-Fetch-Site: cross-site", "Origin: https://evil.example"}, false},
		"me by POST with a token":              {contract.Me, []string{"Authorization: Bearer user", "Sec-Fetch-Site: cross-site", "Origin: https://evil.example"}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			stub := &cookieStub{}
			body := ""
			if test.route != contract.SessionLogout && test.route.Function != "me" {
				body = good
			}
			response := stub.request(t, test.route, body, test.headers...)
			if !test.refused {
				if response.Code != 200 {
					t.Errorf("%s with %q: got %d %s, want no refusal", test.route.Key(), test.headers, response.Code, response.Body)
				}
				return
			}
			if response.Code != 403 {
				t.Fatalf("%s with %q: got %d %s, want 403", test.route.Key(), test.headers, response.Code, response.Body)
			}
			checkError(t, response, "Cross-origin request refused", "cross_origin_refused")
			if stub.logins+stub.outs > 0 || response.Header().Get("Set-Cookie") != "" {
				t.Errorf("%s with %q: got %d logins, %d logouts and Set-Cookie %q, want none",
					test.route.Key(), test.headers, stub.logins, stub.outs, response.Header().Get("Set-Cookie"))
			}
		})
	}
}

// TestACrossOriginFormIsRefusedBeforeItsBodyIsRead shows that the response reveals nothing about the body.
func TestACrossOriginFormIsRefusedBeforeItsBodyIsRead(t *testing.T) {
	for _, route := range []contract.Endpoint{contract.SessionLogin, contract.SessionLogout} {
		stub := &cookieStub{}
		response := stub.request(t, route, "username=x", goodCookie,
			"Content-Type: application/x-www-form-urlencoded", "Sec-Fetch-Site: cross-site", "Origin: https://evil.example")
		if response.Code != 403 {
			t.Errorf("%s with a form from another origin: got %d %s, want 403", route.Key(), response.Code, response.Body)
		}
	}
}
