package app

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"latchkey/pkg/account"
	"latchkey/pkg/contract"
	"latchkey/pkg/fault"
	"latchkey/pkg/httpapi"
	"latchkey/pkg/limit"
	"latchkey/pkg/maillink"
	"latchkey/pkg/outbox"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
)

// permits grants permits, unless it refuses all, and records the buckets.
type permits struct {
	exact   []limit.Bucket // of calls of TakeOne
	local   []limit.Bucket // of calls of Take
	refuses bool
	err     error
}

func (p *permits) TakeOne(_ context.Context, bucket limit.Bucket) (limit.Standing, error) {
	p.exact = append(p.exact, bucket)
	return p.standing(bucket), p.err
}

func (p *permits) Take(_ context.Context, bucket limit.Bucket) (limit.Standing, error) {
	p.local = append(p.local, bucket)
	return p.standing(bucket), p.err
}

func (p *permits) standing(bucket limit.Bucket) limit.Standing {
	standing := limit.Standing{Granted: !p.refuses, Limit: bucket.Limit, Reset: 1500 * time.Millisecond}
	if standing.Granted {
		standing.Remaining = bucket.Limit - 1
	}
	return standing
}

// refreshTokens knows one refresh token, of a session of the owner.
type refreshTokens struct{}

func (refreshTokens) OpenRefresh(token string) (session.RefreshClaims, error) {
	if token != "known" {
		return session.RefreshClaims{}, errors.New("unknown")
	}
	return session.RefreshClaims{User: ownerID, Session: ordinaryID}, nil
}

var (
	criticalRates = limit.Rates{Anonymous: 5, User: 20, Staff: 100}
	mediumRates   = limit.Rates{Anonymous: 60, User: 180, Staff: 900}

	attemptQuota    = limit.Quota{Scope: "attempts#source", Limit: 60}
	attemptStanding = limit.Standing{Granted: true, Limit: 60, Remaining: 7, Reset: time.Second}
)

func newLimits(granted *permits) httpapi.Limits {
	return httpapi.NewLimits(granted, criticalRates, mediumRates, attemptQuota, httpapi.Sources{}).WithRefreshTokens(refreshTokens{})
}

// limited sends a request from 192.0.2.1 through the limits and returns the response. It replaces "staff" in a session cookie by the
// cookie of the store.
func limited(granted *permits, endpoint httpapi.Endpoint, body string, headers ...string) *httptest.ResponseRecorder {
	store := newSessionStore(0)
	for i := range headers {
		headers[i] = strings.ReplaceAll(headers[i], "session_id=staff", "session_id="+store.cookie)
	}
	options := serverOptions(store, io.Discard)
	options.Limits = newLimits(granted)
	return respond(options, endpoint, body, headers...)
}

// TestBuckets checks which bucket a request takes a permit of.
func TestBuckets(t *testing.T) {
	source := func(scope string, limits int) limit.Bucket {
		return limit.Quota{Scope: scope + "#source", Limit: limits}.Of("192.0.2.1")
	}
	user := func(path, holder string, limits int) limit.Bucket {
		return limit.Quota{Scope: "medium#" + path + "#user", Limit: limits}.Of(holder)
	}
	ofSession := func(path string) limit.Bucket {
		return limit.Quota{Scope: "medium#" + path + "#session", Limit: 180}.Of(ownerID.String() + ordinaryID.String())
	}
	const bearer, cookie, device = "Authorization: Bearer user", "Cookie: __Host-session_id=staff", "Cookie: __Host-device=known"
	known := `{"refresh_token":"known"}`
	for _, test := range []struct {
		name     string
		endpoint httpapi.Endpoint
		body     string
		headers  []string
		want     limit.Bucket
		exact    bool
	}{
		{"me, a user", me(contract.Me), "", []string{bearer}, user("/api/auth/me", ordinaryID.String(), 180), false},
		{"me, a member of the staff, by cookie", me(contract.Me), "", []string{cookie}, user("/api/auth/me", staffID.String(), 900), false},
		{"me, a dead token", me(contract.Me), "", []string{"Authorization: Bearer dead"}, source("medium#/api/auth/me", 60), false},
		{"me, a cookie from another origin", me(contract.Me), "", []string{cookie, "Origin: https://evil.example"}, source("medium#/api/auth/me", 60), false},
		{"me, a device", me(contract.Me), "", []string{device}, source("medium#/api/auth/me", 60), false},
		{"refresh, a known token", refresh(&refreshStub{}), known, nil, ofSession("/api/auth/refresh"), false},
		{"refresh, a known token and a bearer", refresh(&refreshStub{}), known, []string{bearer}, ofSession("/api/auth/refresh"), false},
		{"refresh, a forged token", refresh(&refreshStub{}), `{"refresh_token":"x"}`, []string{bearer}, source("medium#/api/auth/refresh", 60), false},
		{"refresh, no JSON", refresh(&refreshStub{}), known + "{", nil, source("medium#/api/auth/refresh", 60), false},
		{"logout, a user", logout(contract.Logout, &cookieStub{}), known, []string{bearer}, user("/api/auth/logout", ordinaryID.String(), 180), false},
		{"logout, a known token", logout(contract.Logout, &cookieStub{}), known, nil, ofSession("/api/auth/logout"), false},
		{"logout, nothing", logout(contract.Logout, &cookieStub{}), "", nil, source("medium#/api/auth/logout", 60), false},
		{"a mail, a user", sendVerification(mailStub{}), `{"email":"a@example.com"}`, []string{bearer}, source("critical#/api/auth/send-verification", 5), true},
		{"a mail, a device", sendVerification(mailStub{}), `{"email":"a@example.com"}`, []string{device}, source("critical#/api/auth/send-verification", 5), true},
		{"a mail, no JSON", sendVerification(mailStub{}), "{", nil, source("critical#/api/auth/send-verification", 5), true},
		{"oauth, a user", oauthStart(&oauthStub{}), "", []string{bearer}, source("medium#/api/auth/oauth/{provider}", 60), false},
		{"a link, a user", verifyEmail(&verifierStub{}), "", []string{bearer}, source("medium#/api/auth/verify-email/{token}", 60), false},
		{"login, no JSON", login(&loginStub{}), "{", nil, source("attempts", 60), false},
		{"login, a numeric name, a user", login(&loginStub{}), `{"username":1}`, []string{bearer, device}, source("attempts", 60), false},
		{"login, another media type", login(&loginStub{}), good, []string{"Content-Type: text/plain"}, source("attempts", 60), false},
		{"headers that claim another source", oauthStart(&oauthStub{}), "", []string{"X-Forwarded-For: 1.2.3.4", "X-Real-IP: 1.2.3.4", "Forwarded: for=1.2.3.4",
			"CF-Connecting-IP: 1.2.3.4", "True-Client-IP: 1.2.3.4", "X-Client-IP: 1.2.3.4"}, source("medium#/api/auth/oauth/{provider}", 60), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			granted := &permits{}
			response := limited(granted, test.endpoint, test.body, test.headers...)
			got, others := granted.local, granted.exact
			if test.exact {
				got, others = others, got
			}
			if len(got) != 1 || got[0] != test.want || len(others) != 0 {
				t.Errorf("got the buckets %+v and %+v, want only %+v", granted.exact, granted.local, test.want)
			}
			if got := response.Header().Get("RateLimit-Limit"); got != strconv.Itoa(test.want.Limit) {
				t.Errorf("got RateLimit-Limit %q, want %d", got, test.want.Limit)
			}
		})
	}
}

// TestLoginsTakeTheirOwnPermits checks that the edge takes no permit for an attempt that is well-formed, and writes the standing that the
// rule returns, also with an error.
func TestLoginsTakeTheirOwnPermits(t *testing.T) {
	for name, stub := range map[string]*loginStub{"success": {}, "failure": {err: account.ErrInvalidCredentials}} {
		granted := &permits{}
		response := limited(granted, login(stub), good)
		if len(granted.exact)+len(granted.local) != 0 || stub.calls != 1 || stub.source != "192.0.2.1" {
			t.Errorf("%s: got the permits %+v, %d calls of the rule and the source %q, want none, 1 and 192.0.2.1", name, granted, stub.calls, stub.source)
		}
		if limits, left := response.Header().Get("RateLimit-Limit"), response.Header().Get("RateLimit-Remaining"); limits != "60" || left != "7" {
			t.Errorf("%s: got RateLimit-Limit %q and RateLimit-Remaining %q, want 60 and 7", name, limits, left)
		}
	}
}

func TestOverTheLimit(t *testing.T) {
	for name, test := range map[string]struct {
		endpoint httpapi.Endpoint
		body     string
		limit    string
	}{
		"critical":            {sendVerification(mailStub{}), `{"email":"a@example.com"}`, "5"},
		"medium":              {oauthStart(&oauthStub{}), "", "60"},
		"a malformed attempt": {login(&loginStub{}), "{", "60"},
	} {
		t.Run(name, func(t *testing.T) {
			response := limited(&permits{refuses: true}, test.endpoint, test.body)
			checkError(t, response, "Too many requests", "too_many_requests")
			if !strings.Contains(response.Body.String(), `"error":"Too Many Requests","retry_after":"2"`) {
				t.Errorf("got the body %s, want the error and retry_after 2", response.Body)
			}
			for header, want := range map[string]string{
				"Retry-After": "2", "RateLimit-Limit": test.limit, "RateLimit-Remaining": "0", "RateLimit-Reset": "2", "RateLimit-Policy": test.limit + ";w=60",
			} {
				if got := response.Header().Get(header); got != want {
					t.Errorf("got %s %q, want %q", header, got, want)
				}
			}
		})
	}
}

// TestAnUnavailableLimiter checks that requests to critical endpoints are refused and those to other endpoints are served.
func TestAnUnavailableLimiter(t *testing.T) {
	granted := &permits{err: fault.ServiceUnavailable}
	if got := limited(granted, sendVerification(mailStub{}), `{"email":"a@example.com"}`); got.Code != http.StatusServiceUnavailable {
		t.Errorf("critical: got %d, want 503", got.Code)
	}
	if got := limited(granted, me(contract.Me), "", "Authorization: Bearer user"); got.Code != http.StatusOK {
		t.Errorf("medium: got %d, want 200", got.Code)
	}
	store := newSessionStore(0)
	store.err = errors.New("down")
	if got := respond(serverOptions(store, io.Discard), me(contract.Me), "", "Authorization: Bearer user"); got.Code != http.StatusInternalServerError {
		t.Errorf("medium, while the sessions cannot be read: got %d, want 500", got.Code)
	}
}

// mailStub accepts every request.
type mailStub struct{}

func (mailStub) Request(context.Context, outbox.Purpose, string) error { return nil }

// refreshStub refuses every token.
type refreshStub struct{}

func (*refreshStub) Refresh(context.Context, secret.String) (session.Pair, error) {
	return session.Pair{}, session.ErrInvalidRefreshToken
}

// verifierStub accepts every link.
type verifierStub struct{ credentials session.Credentials }

func (v *verifierStub) Verify(_ context.Context, _ secret.String, credentials session.Credentials) (maillink.Verified, error) {
	v.credentials = credentials
	return maillink.VerifiedNow, nil
}

// TestSessionsAreReadOnce checks that the limiter and the endpoint share one read.
func TestSessionsAreReadOnce(t *testing.T) {
	for name, endpoint := range map[string]httpapi.Endpoint{
		"me": me(contract.Me), "login": login(&loginStub{}), "logout": logout(contract.Logout, &cookieStub{}),
	} {
		store := newSessionStore(0)
		body := ""
		if name == "login" {
			body = good
		}
		got := respond(serverOptions(store, io.Discard), endpoint, body, "Authorization: Bearer user")
		if got.Code != http.StatusOK || store.reads != 1 {
			t.Errorf("%s: got %d and %d reads, want 200 and 1", name, got.Code, store.reads)
		}
	}
}

func TestABodyOverTheCapIsRefused(t *testing.T) {
	stub := &loginStub{}
	got := limited(&permits{}, login(stub), good+strings.Repeat(" ", 16<<10))
	if got.Code != http.StatusRequestEntityTooLarge || stub.calls > 0 {
		t.Errorf("a body over 16 KiB: got %d %s and %d calls of the rule, want 413 and 0", got.Code, got.Body, stub.calls)
	}
	got = limited(&permits{}, login(stub), good)
	if got.Code != http.StatusOK || stub.pass != secret.New("SecurePass123!") {
		t.Errorf("a small body: got %d %s, want 200 and the password in the call of the rule", got.Code, got.Body)
	}
}
