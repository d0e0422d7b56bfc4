package httpapi_test

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
)

// sessionStub stands for the rules of sessions: it knows one cookie and one token.
type sessionStub struct {
	state  session.CookieState
	err    error
	logins int
	outs   int
}

func (s *sessionStub) CookieLogin(context.Context, guard.Attempt) (session, device secret.String, err error) {
	s.logins++
	return secret.New("the-cookie"), secret.New("the-device"), s.err
}

func (s *sessionStub) Authenticate(_ context.Context, credentials session.Credentials) (session.Authentication, error) {
	if s.err != nil {
		return session.Authentication{}, s.err
	}
	if credentials.Cookie.Reveal() != "good" && credentials.Access.Reveal() != "good" {
		return session.Authentication{}, session.ErrAuthenticationRequired
	}
	return session.Authentication{Cookie: s.state}, nil
}

func (s *sessionStub) Logout(ctx context.Context, credentials session.Credentials, _ secret.String) error {
	s.outs++
	_, err := s.Authenticate(ctx, credentials)
	return err
}

// request sends a request to one of the endpoints that look at cookies, in front of an https API.
func (s *sessionStub) request(t *testing.T, route contract.Route, body string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	handler := newEdge(io.Discard, true).Routes(map[contract.Route]httpapi.Handler{
		contract.SessionLogin:  httpapi.SessionLogin(door(), s),
		contract.SessionLogout: httpapi.Logout(door(), s),
		contract.Me:            httpapi.Me(door(), s),
		contract.MeGet:         httpapi.Me(door(), s),
	})
	request := httptest.NewRequest(route.Method, "https://auth.example.com"+route.Path, strings.NewReader(body))
	request.Pattern = route.Key()
	request.Header.Set("Content-Type", "application/json")
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		request.Header.Set(name, value)
	}
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, request)
	return answer
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
		stub    sessionStub
		route   contract.Route
		body    string
		headers []string
		status  int
		want    string
	}{
		"login":                         {sessionStub{}, contract.SessionLogin, good, nil, 200, cookieSet + "\n" + deviceSet},
		"login, with a cookie":          {sessionStub{}, contract.SessionLogin, good, []string{goodCookie}, 200, cookieSet + "\n" + deviceSet},
		"login refused":                 {sessionStub{err: account.ErrInvalidCredentials}, contract.SessionLogin, good, nil, 403, ""},
		"me, live cookie":               {sessionStub{state: session.CookieLive}, contract.Me, "", []string{goodCookie}, 200, ""},
		"me, renewed cookie":            {sessionStub{state: session.CookieRenewed}, contract.Me, "", []string{goodCookie}, 200, cookieAgain},
		"me, dead cookie":               {sessionStub{}, contract.MeGet, "", []string{deadCookie}, 401, cookieCleared},
		"me, dead cookie, good bearer":  {sessionStub{state: session.CookieDead}, contract.Me, "", []string{deadCookie, "Authorization: Bearer good"}, 200, cookieCleared},
		"me, no cookie":                 {sessionStub{}, contract.Me, "", nil, 401, ""},
		"me, a cookie of another name":  {sessionStub{}, contract.Me, "", []string{"Cookie: session_id=good"}, 401, ""},
		"me, the store is away":         {sessionStub{err: fault.ServiceUnavailable}, contract.Me, "", []string{goodCookie}, 503, ""},
		"logout":                        {sessionStub{}, contract.SessionLogout, "", []string{goodCookie}, 200, cookieCleared},
		"logout by bearer":              {sessionStub{}, contract.SessionLogout, "", []string{"Authorization: Bearer good"}, 200, ""},
		"logout, both":                  {sessionStub{}, contract.SessionLogout, "", []string{"Authorization: Bearer good", deadCookie}, 200, cookieCleared},
		"logout, dead cookie":           {sessionStub{}, contract.SessionLogout, "", []string{deadCookie}, 401, cookieCleared},
		"logout, the store is away":     {sessionStub{err: fault.ServiceUnavailable}, contract.SessionLogout, "", []string{goodCookie}, 503, ""},
		"logout, malformed body":        {sessionStub{state: session.CookieLive}, contract.SessionLogout, "{", []string{goodCookie}, 400, ""},
		"logout, malformed, dead":       {sessionStub{}, contract.SessionLogout, "{", []string{deadCookie}, 401, cookieCleared},
		"logout, malformed, no cookies": {sessionStub{}, contract.SessionLogout, "{", nil, 401, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			answer := test.stub.request(t, test.route, test.body, test.headers...)
			if got := strings.Join(answer.Header()["Set-Cookie"], "\n"); answer.Code != test.status || got != test.want {
				t.Errorf("the answer is %d with Set-Cookie %q", answer.Code, got)
			}
		})
	}
}

func TestCookiesOnLocalhost(t *testing.T) {
	origins, err := httpapi.NewOrigins("http://localhost:8000", nil)
	if err != nil {
		t.Fatal(err)
	}
	door := httpapi.NewDoor(httpapi.SessionCookies(false, 90*time.Second), httpapi.DeviceCookies(false), origins)
	handler := newEdge(io.Discard, false).Routes(map[contract.Route]httpapi.Handler{
		contract.SessionLogin: httpapi.SessionLogin(door, &sessionStub{}),
	})
	request := httptest.NewRequest("POST", "http://localhost:8000/api/auth/session/login", strings.NewReader(good))
	request.Pattern = contract.SessionLogin.Key()
	request.Header.Set("Content-Type", "application/json")
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, request)
	if got, want := answer.Header().Get("Set-Cookie"), "session_id=the-cookie; Path=/; Max-Age=90; HttpOnly; SameSite=Lax"; got != want {
		t.Errorf("Set-Cookie is %q, want %q", got, want)
	}
}

func TestCrossOrigin(t *testing.T) {
	tests := map[string]struct {
		route   contract.Route
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
		"login from nowhere told":              {contract.SessionLogin, []string{"Sec-Fetch-Site: cross-site"}, true},
		"login from our host, by http":         {contract.SessionLogin, []string{"Origin: http://auth.example.com"}, true},
		"login from our host, other port":      {contract.SessionLogin, []string{"Origin: https://auth.example.com:8443"}, true},
		"login from a sandbox, old browser":    {contract.SessionLogin, []string{"Origin: null"}, true},
		"login from the allowed, by http":      {contract.SessionLogin, []string{"Sec-Fetch-Site: cross-site", "Origin: http://app.example.com"}, true},
		"login from the allowed, other port":   {contract.SessionLogin, []string{"Sec-Fetch-Site: same-site", "Origin: https://app.example.com:8443"}, true},
		"logout with a cookie":                 {contract.SessionLogout, []string{goodCookie, "Sec-Fetch-Site: cross-site", "Origin: https://evil.example"}, true},
		"logout with a dead cookie":            {contract.SessionLogout, []string{deadCookie, "Sec-Fetch-Site: cross-site", "Origin: https://evil.example"}, true},
		"me by POST with a cookie":             {contract.Me, []string{goodCookie, "Sec-Fetch-Site: cross-site", "Origin: https://evil.example"}, true},
		"me by POST with a cookie and a token": {contract.Me, []string{goodCookie, "Authorization: Bearer good", "Sec-Fetch-Site: cross-site"}, true},
		"me by GET with a cookie":              {contract.MeGet, []string{goodCookie, "Sec-Fetch-Site: cross-site", "Origin: https://evil.example"}, false},
		"me by POST with a token":              {contract.Me, []string{"Authorization: Bearer good", "Sec-Fetch-Site: cross-site", "Origin: https://evil.example"}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			stub := &sessionStub{}
			body := ""
			if test.route == contract.SessionLogin {
				body = good
			}
			answer := stub.request(t, test.route, body, test.headers...)
			if !test.refused {
				if answer.Code != 200 {
					t.Errorf("the answer is %d %s", answer.Code, answer.Body)
				}
				return
			}
			if answer.Code != 403 {
				t.Fatalf("the answer is %d %s", answer.Code, answer.Body)
			}
			checkError(t, answer, "Cross-origin request refused", "cross_origin_refused")
			if stub.logins+stub.outs > 0 || answer.Header().Get("Set-Cookie") != "" {
				t.Error("the refused request did something")
			}
		})
	}
}

// TestAForeignFormIsRefusedBeforeItsBodyIsRead, so that it cannot tell what the body would have done.
func TestAForeignFormIsRefusedBeforeItsBodyIsRead(t *testing.T) {
	for _, route := range []contract.Route{contract.SessionLogin, contract.SessionLogout} {
		stub := &sessionStub{}
		answer := stub.request(t, route, "username=x", goodCookie,
			"Content-Type: application/x-www-form-urlencoded", "Sec-Fetch-Site: cross-site", "Origin: https://evil.example")
		if answer.Code != 403 {
			t.Errorf("%s: the answer is %d %s", route.Key(), answer.Code, answer.Body)
		}
	}
}
