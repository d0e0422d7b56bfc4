package app

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"latchkey/pkg/contract"
	"latchkey/pkg/fault"
	"latchkey/pkg/httpapi"
	"latchkey/pkg/id"
	"latchkey/pkg/limit"
	"latchkey/pkg/maillink"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
)

// permits grants permits, except to some holders, and records the buckets.
type permits struct {
	buckets []limit.Bucket
	blocks  int    // calls of TakeFromBlock
	refused string // holders with this prefix get no permit; empty to grant all
	err     error
}

func (p *permits) TakeOne(_ context.Context, bucket limit.Bucket) (limit.Standing, error) {
	p.buckets = append(p.buckets, bucket)
	standing := limit.Standing{Granted: true, Limit: bucket.Limit, Remaining: bucket.Limit - len(p.buckets), Reset: 1500 * time.Millisecond}
	if p.refused != "" && strings.HasPrefix(bucket.Holder, p.refused) {
		standing.Granted, standing.Remaining = false, 0
	}
	return standing, p.err
}

func (p *permits) TakeFromBlock(ctx context.Context, bucket limit.Bucket) (limit.Standing, error) {
	p.blocks++
	return p.TakeOne(ctx, bucket)
}

// owners knows the owner of one device.
type owners struct{}

func (owners) Owner(cookie secret.String) (id.ID, bool) { return ownerID, cookie.Reveal() == "known" }

var (
	criticalRates = limit.Rates{Anonymous: 5, User: 20, Staff: 100}
	mediumRates   = limit.Rates{Anonymous: 60, User: 180, Staff: 900}
)

func newLimits(granted *permits) httpapi.Limits {
	return httpapi.NewLimits(granted, criticalRates, mediumRates, httpapi.Sources{}, httpapi.DeviceCookies(true), owners{})
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

// TestBuckets checks which counters a login uses: one of its source, user or device, and one of that and the account in the body.
func TestBuckets(t *testing.T) {
	const source, user, device = "critical#/api/auth/login#source", "critical#/api/auth/login#user", "critical#/api/auth/login#device"
	const account = "#account"
	ordinary, staff, owner := ordinaryID.String(), staffID.String(), ownerID.String()
	tests := map[string]struct {
		body    string
		headers []string
		want    []limit.Bucket
	}{
		"a stranger": {good, nil, []limit.Bucket{
			{Scope: source, Holder: "192.0.2.1", Limit: 5}, {Scope: source + account, Holder: "pythonista\x00", Limit: 5}}},
		"another spelling of the name": {strings.Replace(good, "pythonista", "PythonISTA", 1), nil, []limit.Bucket{
			{Scope: source, Holder: "192.0.2.1", Limit: 5}, {Scope: source + account, Holder: "pythonista\x00", Limit: 5}}},
		"a user": {good, []string{"Authorization: Bearer user"}, []limit.Bucket{
			{Scope: user, Holder: ordinary, Limit: 20}, {Scope: user + account, Holder: "pythonista\x00" + ordinary, Limit: 20}}},
		"a member of the staff, by cookie": {good, []string{"Cookie: __Host-session_id=staff"}, []limit.Bucket{
			{Scope: user, Holder: staff, Limit: 100}, {Scope: user + account, Holder: "pythonista\x00" + staff, Limit: 100}}},
		"a cookie from another origin": {good, []string{"Cookie: __Host-session_id=staff", "Origin: https://evil.example"}, []limit.Bucket{
			{Scope: source, Holder: "192.0.2.1", Limit: 5}, {Scope: source + account, Holder: "pythonista\x00", Limit: 5}}},
		"a known device": {good, []string{"Cookie: __Host-device=known"}, []limit.Bucket{
			{Scope: device, Holder: owner, Limit: 5}, {Scope: device + account, Holder: "pythonista\x00" + owner, Limit: 5}}},
		"a forged device cookie": {"", []string{"Cookie: __Host-device=forged"}, []limit.Bucket{{Scope: source, Holder: "192.0.2.1", Limit: 5}}},
		"a user on a known device": {"", []string{"Authorization: Bearer user", "Cookie: __Host-device=known"}, []limit.Bucket{
			{Scope: user, Holder: ordinary, Limit: 20}}},
		"a dead token":   {"", []string{"Authorization: Bearer dead"}, []limit.Bucket{{Scope: source, Holder: "192.0.2.1", Limit: 5}}},
		"no JSON":        {"{", nil, []limit.Bucket{{Scope: source, Holder: "192.0.2.1", Limit: 5}}},
		"a numeric name": {`{"username":1}`, nil, []limit.Bucket{{Scope: source, Holder: "192.0.2.1", Limit: 5}}},
		"headers that claim another source": {"", []string{"X-Forwarded-For: 1.2.3.4", "X-Real-IP: 1.2.3.4", "Forwarded: for=1.2.3.4", "CF-Connecting-IP: 1.2.3.4",
			"True-Client-IP: 1.2.3.4", "X-Client-IP: 1.2.3.4"}, []limit.Bucket{{Scope: source, Holder: "192.0.2.1", Limit: 5}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			granted := &permits{}
			stub := &loginStub{}
			response := limited(granted, login(stub), test.body, test.headers...)
			if !reflect.DeepEqual(granted.buckets, test.want) {
				t.Errorf("%q with %q: got the buckets %+v, want %+v", test.body, test.headers, granted.buckets, test.want)
			}
			if wellFormed := test.body == "" || strings.Contains(test.body, `"password"`); stub.calls != 0 && !wellFormed {
				t.Errorf("%q: got %d calls of the rule, want 0", test.body, stub.calls)
			}
			if got := response.Header().Get("RateLimit-Limit"); got == "" {
				t.Errorf("%q with %q: got no header RateLimit-Limit, want one", test.body, test.headers)
			}
		})
	}
}

func TestOverTheLimit(t *testing.T) {
	for name, test := range map[string]struct {
		refused string
		buckets int
	}{
		"of the source":  {"192.0.2.1", 1},
		"of the account": {"pythonista", 2},
	} {
		t.Run(name, func(t *testing.T) {
			granted := &permits{refused: test.refused}
			stub := &loginStub{}
			response := limited(granted, login(stub), good)
			if stub.calls != 0 || len(granted.buckets) != test.buckets {
				t.Errorf("without permits for %s: got %d calls of the rule and the buckets %+v, want 0 and %d buckets",
					test.refused, stub.calls, granted.buckets, test.buckets)
			}
			checkError(t, response, "Too many requests", "too_many_requests")
			if !strings.Contains(response.Body.String(), `"error":"Too Many Requests","retry_after":"2"`) {
				t.Errorf("got the body %s, want the error and retry_after 2", response.Body)
			}
			for header, want := range map[string]string{
				"Retry-After": "2", "RateLimit-Limit": "5", "RateLimit-Remaining": "0", "RateLimit-Reset": "2", "RateLimit-Policy": "5;w=60",
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
	stub := &loginStub{}
	if got := limited(granted, login(stub), good); got.Code != http.StatusServiceUnavailable || stub.calls != 0 {
		t.Errorf("critical: got %d and %d calls of the rule, want 503 and 0", got.Code, stub.calls)
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

// TestMediumLimits also shows that an endpoint which ignores credentials, or reads them with a link, counts for the source.
func TestMediumLimits(t *testing.T) {
	granted := &permits{}
	limited(granted, me(contract.Me), "", "Authorization: Bearer user")
	limited(granted, oauthStart(&oauthStub{}), "", "Authorization: Bearer user")
	limited(granted, verifyEmail(&verifierStub{}), "", "Authorization: Bearer user")
	want := []limit.Bucket{
		{Scope: "medium#/api/auth/me#user", Holder: ordinaryID.String(), Limit: 180},
		{Scope: "medium#/api/auth/oauth/{provider}#source", Holder: "192.0.2.1", Limit: 60},
		{Scope: "medium#/api/auth/verify-email/{token}#source", Holder: "192.0.2.1", Limit: 60},
	}
	if !reflect.DeepEqual(granted.buckets, want) || granted.blocks != 3 {
		t.Errorf("got the buckets %+v with %d from blocks, want %+v with 3", granted.buckets, granted.blocks, want)
	}
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
