package httpapi_test

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

	"latchkey/pkg/account"
	"latchkey/pkg/contract"
	"latchkey/pkg/fault"
	"latchkey/pkg/httpapi"
	"latchkey/pkg/id"
	"latchkey/pkg/limit"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
)

// permits answers for buckets by their holder, and notes what was asked for.
type permits struct {
	asked   []limit.Bucket
	blocks  int
	refused string // holders that begin with it have none left
	err     error
}

func (p *permits) TakeOne(_ context.Context, bucket limit.Bucket) (limit.Standing, error) {
	p.asked = append(p.asked, bucket)
	standing := limit.Standing{Granted: true, Limit: bucket.Limit, Remaining: bucket.Limit - len(p.asked), Reset: 1500 * time.Millisecond}
	if p.refused != "" && strings.HasPrefix(bucket.Holder, p.refused) {
		standing.Granted, standing.Remaining = false, 0
	}
	return standing, p.err
}

func (p *permits) TakeFromBlock(ctx context.Context, bucket limit.Bucket) (limit.Standing, error) {
	p.blocks++
	return p.TakeOne(ctx, bucket)
}

// callers resolves the tokens "user" and "staff".
type callers struct{ err error }

// owners knows one device.
type owners struct{}

func (owners) Owner(cookie secret.String) (id.ID, bool) { return ownerID, cookie.Reveal() == "known" }

var (
	ordinaryID = id.ID{1}
	staffID    = id.ID{2}
	ownerID    = id.ID{3}
)

func (c callers) Resolve(ctx context.Context, credentials session.Credentials) (context.Context, []session.Principal, error) {
	switch shown := credentials.Access.Reveal() + credentials.Cookie.Reveal(); shown {
	case "user":
		return ctx, []session.Principal{{User: account.User{ID: ordinaryID}}}, c.err
	case "staff":
		return ctx, []session.Principal{{User: account.User{ID: staffID, Staff: true}}}, c.err
	default:
		return ctx, nil, c.err
	}
}

var (
	criticalRates = limit.Rates{Anonymous: 5, User: 20, Staff: 100}
	mediumRates   = limit.Rates{Anonymous: 60, User: 180, Staff: 900}
)

func newLimits(t *testing.T, given *permits) httpapi.Limits {
	t.Helper()
	return httpapi.NewLimits(given, criticalRates, mediumRates, door(), owners{}, callers{})
}

// limited sends a login from 192.0.2.1 through the limits and returns the answer and the body that came through.
func limited(handler func(next httpapi.Handler) httpapi.Handler, body string, headers ...string) (*httptest.ResponseRecorder, string) {
	through := ""
	next := func(w http.ResponseWriter, r *http.Request) error {
		read, err := io.ReadAll(r.Body)
		through = "came through: " + string(read)
		return err
	}
	routes := newEdge(io.Discard, false).Routes(map[contract.Route]httpapi.Handler{contract.Login: handler(next)})
	request := httptest.NewRequest("POST", "/api/auth/login", strings.NewReader(body))
	request.Pattern = contract.Login.Key()
	request.RemoteAddr = "192.0.2.1"
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		request.Header.Add(name, value)
	}
	answer := httptest.NewRecorder()
	routes.ServeHTTP(answer, request)
	return answer, through
}

func byUsername(limits httpapi.Limits) func(httpapi.Handler) httpapi.Handler {
	return func(next httpapi.Handler) httpapi.Handler { return limits.CriticalFor(httpapi.ByUsername, next) }
}

// TestWhoseRequestsCountTogether.
func TestWhoseRequestsCountTogether(t *testing.T) {
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
		"one of the staff, by cookie": {good, []string{"Cookie: __Host-session_id=staff"}, []limit.Bucket{
			{Scope: user, Holder: staff, Limit: 100}, {Scope: user + account, Holder: "pythonista\x00" + staff, Limit: 100}}},
		"a cookie from another origin": {good, []string{"Cookie: __Host-session_id=staff", "Origin: https://evil.example"}, []limit.Bucket{
			{Scope: source, Holder: "192.0.2.1", Limit: 5}, {Scope: source + account, Holder: "pythonista\x00", Limit: 5}}},
		"a known device": {good, []string{"Cookie: __Host-device=known"}, []limit.Bucket{
			{Scope: device, Holder: owner, Limit: 5}, {Scope: device + account, Holder: "pythonista\x00" + owner, Limit: 5}}},
		"a device cookie that is not ours": {"", []string{"Cookie: __Host-device=forged"}, []limit.Bucket{{Scope: source, Holder: "192.0.2.1", Limit: 5}}},
		"a user on a known device": {"", []string{"Authorization: Bearer user", "Cookie: __Host-device=known"}, []limit.Bucket{
			{Scope: user, Holder: ordinary, Limit: 20}}},
		"a dead token":      {"", []string{"Authorization: Bearer dead"}, []limit.Bucket{{Scope: source, Holder: "192.0.2.1", Limit: 5}}},
		"no JSON":           {"{", nil, []limit.Bucket{{Scope: source, Holder: "192.0.2.1", Limit: 5}}},
		"a name of numbers": {`{"username":1}`, nil, []limit.Bucket{{Scope: source, Holder: "192.0.2.1", Limit: 5}}},
		"what headers say of the source": {"", []string{"X-Forwarded-For: 1.2.3.4", "X-Real-IP: 1.2.3.4", "Forwarded: for=1.2.3.4", "CF-Connecting-IP: 1.2.3.4",
			"True-Client-IP: 1.2.3.4", "X-Client-IP: 1.2.3.4"}, []limit.Bucket{{Scope: source, Holder: "192.0.2.1", Limit: 5}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			given := &permits{}
			answer, through := limited(byUsername(newLimits(t, given)), test.body, test.headers...)
			if !reflect.DeepEqual(given.asked, test.want) {
				t.Errorf("the buckets are %+v", given.asked)
			}
			if through != "came through: "+test.body {
				t.Errorf("%q", through)
			}
			if got := answer.Header().Get("RateLimit-Limit"); got == "" {
				t.Error("no headers")
			}
		})
	}
}

func TestOverTheLimit(t *testing.T) {
	for name, test := range map[string]struct {
		refused string
		asked   int
	}{
		"of the source":  {"192.0.2.1", 1},
		"of the account": {"pythonista", 2},
	} {
		t.Run(name, func(t *testing.T) {
			given := &permits{refused: test.refused}
			answer, through := limited(byUsername(newLimits(t, given)), good)
			if through != "" || len(given.asked) != test.asked {
				t.Errorf("%q; the buckets are %+v", through, given.asked)
			}
			checkError(t, answer, "Too many requests", "too_many_requests")
			if !strings.Contains(answer.Body.String(), `"error":"Too Many Requests","retry_after":"2"`) {
				t.Errorf("the body is %s", answer.Body)
			}
			for header, want := range map[string]string{
				"Retry-After": "2", "RateLimit-Limit": "5", "RateLimit-Remaining": "0", "RateLimit-Reset": "2", "RateLimit-Policy": "5;w=60",
			} {
				if got := answer.Header().Get(header); got != want {
					t.Errorf("%s is %q, want %q", header, got, want)
				}
			}
		})
	}
}

// TestALimiterOutOfOrder: what is dear is not given away, what is cheap does not wait for it.
func TestALimiterOutOfOrder(t *testing.T) {
	given := &permits{err: fault.ServiceUnavailable}
	limits := newLimits(t, given)
	if answer, through := limited(byUsername(limits), good); answer.Code != http.StatusServiceUnavailable || through != "" {
		t.Errorf("critical: %d, %q", answer.Code, through)
	}
	if answer, through := limited(limits.Medium, good); answer.Code != http.StatusOK || through == "" {
		t.Errorf("medium: %d, %q", answer.Code, through)
	}
	away := httpapi.NewLimits(&permits{}, criticalRates, mediumRates, door(), owners{}, callers{err: errors.New("away")})
	if answer, through := limited(away.Medium, good); answer.Code != http.StatusInternalServerError || through != "" {
		t.Errorf("without knowing whose request it is: %d, %q", answer.Code, through)
	}
}

func TestMediumLimits(t *testing.T) {
	given := &permits{}
	limits := newLimits(t, given)
	limited(limits.Medium, good, "Authorization: Bearer user")
	limited(limits.WithoutSessions().Medium, good, "Authorization: Bearer user")
	want := []limit.Bucket{
		{Scope: "medium#/api/auth/login#user", Holder: ordinaryID.String(), Limit: 180},
		{Scope: "medium#/api/auth/login#source", Holder: "192.0.2.1", Limit: 60},
	}
	if !reflect.DeepEqual(given.asked, want) || given.blocks != 2 {
		t.Errorf("the buckets are %+v, %d from blocks", given.asked, given.blocks)
	}
}

// TestABodyOverTheCapIsRefusedByTheEndpoint, to which it comes whole.
func TestABodyOverTheCapIsRefusedByTheEndpoint(t *testing.T) {
	stub := &loginStub{}
	handler := func(httpapi.Handler) httpapi.Handler {
		return newLimits(t, &permits{}).CriticalFor(httpapi.ByUsername, httpapi.Login(door(), stub))
	}
	answer, _ := limited(handler, good+strings.Repeat(" ", 16<<10), "Content-Type: application/json")
	if answer.Code != http.StatusRequestEntityTooLarge || stub.calls > 0 {
		t.Errorf("the answer is %d %s", answer.Code, answer.Body)
	}
	answer, _ = limited(handler, good, "Content-Type: application/json")
	if answer.Code != http.StatusOK || stub.pass != secret.New("SecurePass123!") {
		t.Errorf("the answer is %d %s", answer.Code, answer.Body)
	}
}
