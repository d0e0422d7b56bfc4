package e2e_test

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"latchkey/infra/local/stack"
	"latchkey/infra/testkit/wiretap"
	"latchkey/pkg/app"
	"latchkey/pkg/guard"
	"latchkey/pkg/id"
	"latchkey/pkg/lambdahttp"
	"latchkey/pkg/token"
)

// limitedStack is a stack with the limits of a deployed one.
func limitedStack(t *testing.T) *stack.Stack {
	t.Helper()
	return startStack(t, stack.Options{Root: moduleRoot(t), Log: io.Discard, Environment: map[string]string{"RATE_LIMIT_FACTOR": "1"}})
}

// TestTenFreshContainersHoldOneLimit: each request meets a process that knows nothing.
func TestTenFreshContainersHoldOneLimit(t *testing.T) {
	api := limitedStack(t)
	forgot := func() response {
		return send(t, api.URL, "POST", "/api/auth/forgot-password", `{"email":"anybody@example.com"}`, "Content-Type: application/json")
	}
	seen := map[int]bool{}
	for n := 1; n <= 10; n++ {
		got := forgot()
		if want := map[bool]int{true: http.StatusCreated, false: http.StatusTooManyRequests}[n <= 5]; got.Status != want {
			t.Errorf("request %d: %v", n, got)
		}
		if n > 5 {
			checkRefusal(t, got, 5)
		}
		for _, pid := range api.Host.Processes()["ForgotPassword"] {
			seen[pid] = true
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				t.Fatal(err)
			}
		}
		for len(api.Host.Processes()["ForgotPassword"]) > 0 {
			time.Sleep(time.Millisecond)
		}
	}
	if len(seen) != 10 {
		t.Errorf("the requests met %d processes", len(seen))
	}
}

// checkRefusal holds the form of a 429.
func checkRefusal(t *testing.T, got response, limit int) {
	t.Helper()
	checkHeaders(t, got)
	wait := seconds(t, got.Header.Get("Retry-After"))
	reset := seconds(t, got.Header.Get("RateLimit-Reset"))
	if wait < 1 || wait > 60 || wait != reset || got.Header.Get("RateLimit-Remaining") != "0" ||
		got.Header.Get("RateLimit-Limit") != strconv.Itoa(limit) || got.Header.Get("RateLimit-Policy") != fmt.Sprintf("%d;w=60", limit) {
		t.Errorf("the headers are %v", got.Header)
	}
	if got.Member("detail") != "Too many requests" || got.Member("error") != "Too Many Requests" ||
		got.Member("retry_after") != strconv.Itoa(wait) || got.Member("status_code") != "429" {
		t.Errorf("the body is %s", got.Body)
	}
}

func seconds(t *testing.T, text string) int {
	t.Helper()
	value, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// container is a function as a container of its own, which is asked by events.
type container struct {
	handler lambdahttp.Handler
	route   string
}

// newContainer starts a function of the stack in this process.
func newContainer(t *testing.T, api *stack.Stack, folder, route string, function app.Function) container {
	t.Helper()
	for _, deployed := range api.Template.Functions {
		if !strings.HasSuffix(deployed.Folder, "/"+folder) {
			continue
		}
		environment := map[string]string{"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
		for name, value := range deployed.Environment {
			environment[name] = value
		}
		handler, err := app.Build(function, func(name string) string { return environment[name] }, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		return container{lambdahttp.Adapt(handler), route}
	}
	t.Fatalf("there is no function in %s", folder)
	return container{}
}

// ask sends a request as API Gateway does, from an address.
func (c container) ask(t *testing.T, source, body string, headers map[string]string) response {
	t.Helper()
	method, path, _ := strings.Cut(c.route, " ")
	all := map[string]string{"content-type": "application/json"}
	for name, value := range headers {
		all[name] = value
	}
	event, err := json.Marshal(map[string]any{
		"routeKey": c.route, "rawPath": path, "headers": all, "body": body,
		"requestContext": map[string]any{"http": map[string]string{"method": method, "sourceIp": source}},
	})
	if err != nil {
		t.Fatal(err)
	}
	output, err := c.handler.Invoke(t.Context(), event)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		StatusCode int
		Body       string
	}
	if err := json.Unmarshal(output, &got); err != nil {
		t.Fatal(err)
	}
	return response{Status: got.StatusCode, Body: got.Body}
}

// TestSourcesThatAreOne: whatever a client can vary by itself opens no bucket of its own.
func TestSourcesThatAreOne(t *testing.T) {
	api := limitedStack(t)
	sources := map[string]struct {
		source func(n int) (string, map[string]string)
		times  int
	}{
		"addresses of one /64": {func(n int) (string, map[string]string) {
			return fmt.Sprintf("2001:db8:1:2:%x:%x:0:%x", n*7919%65536, n%65536, n%13), nil
		}, 10_000},
		"forwarding headers": {func(n int) (string, map[string]string) {
			forged := fmt.Sprintf("203.0.113.%d", n%250)
			return "192.0.2.1", map[string]string{"x-forwarded-for": forged, "x-real-ip": forged, "forwarded": "for=" + forged, "true-client-ip": forged}
		}, 300},
		"spellings of one IPv4 address": {func(n int) (string, map[string]string) {
			return []string{"192.0.2.7", "::ffff:192.0.2.7", "::ffff:c000:207"}[n%3], nil
		}, 30},
		"no address at all": {func(n int) (string, map[string]string) { return []string{"", "-", "unknown"}[n%3], nil }, 30},
	}
	for name, test := range sources {
		t.Run(name, func(t *testing.T) {
			function := newContainer(t, api, "send-verification", "POST /api/auth/send-verification", app.SendVerification)
			passed := 0
			for n := range test.times {
				source, headers := test.source(n)
				body := fmt.Sprintf(`{"email":"somebody-%d@example.com"}`, n)
				switch got := function.ask(t, source, body, headers); got.Status {
				case http.StatusCreated:
					passed++
				case http.StatusTooManyRequests:
				default:
					t.Fatalf("%v", got)
				}
			}
			if passed != 5 {
				t.Errorf("%d requests passed", passed)
			}
		})
	}
}

// TestManySourcesGetNoFurtherWithOneAccount.
func TestManySourcesGetNoFurtherWithOneAccount(t *testing.T) {
	api := limitedStack(t)
	function := newContainer(t, api, "forgot-password", "POST /api/auth/forgot-password", app.ForgotPassword)
	passed := 0
	for n := range 50 {
		address := []string{"victim@example.com", "VICTIM@Example.com"}[n%2]
		if function.ask(t, fmt.Sprintf("198.51.100.%d", n), fmt.Sprintf(`{"email":%q}`, address), nil).Status == http.StatusCreated {
			passed++
		}
	}
	if passed != 5 {
		t.Errorf("%d requests passed", passed)
	}
	if got := function.ask(t, "198.51.100.1", `{"email":"other@example.com"}`, nil); got.Status != http.StatusCreated {
		t.Errorf("for another account: %v", got)
	}
}

// idOf is the id of the user whom an access token of the shared stack belongs to.
func idOf(t *testing.T, access string) string {
	t.Helper()
	return me(t, bearer(access)).Member("id")
}

// deviceOf makes the cookie of another device of a user in that epoch, by the keys of the shared stack.
func deviceOf(t *testing.T, user string, epoch uint64) string {
	t.Helper()
	keys, err := token.ParseKeySet([]byte(signingKeys(t)), "ES256")
	if err != nil {
		t.Fatal(err)
	}
	owner, err := id.Parse(user)
	if err != nil {
		t.Fatal(err)
	}
	return "Cookie: device=" + keys.SealDevice(guard.DeviceClaims{User: owner, Epoch: epoch, Device: id.New(rand.Reader)}).Reveal()
}

// TestAnAttackerKeepsNobodyOut: whoever fails at an account for long has to wait, and its owner is told once. The owner signs in
// on a device that was here before and, after a reset, on any.
func TestAnAttackerKeepsNobodyOut(t *testing.T) {
	register(t, "besieged")
	awaitMail(t, shared.MailURL, "besieged@example.com", 1)
	signedIn := post(t, "/api/auth/login", credentials("besieged"))
	device, attributes, _ := strings.Cut(signedIn.Header.Get("Set-Cookie"), "; ")
	if !strings.HasPrefix(device, "device=") || attributes != "Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax" {
		t.Fatalf("Set-Cookie is %q", signedIn.Header.Values("Set-Cookie"))
	}
	statuses := map[int]int{}
	for range 30 {
		got := post(t, "/api/auth/login", `{"username":"besieged","password":"a wrong password"}`)
		statuses[got.Status]++
		if wait := got.Header.Get("Retry-After"); got.Status == http.StatusTooManyRequests && seconds(t, wait) > 20 {
			t.Errorf("one waits %s s", wait)
		}
	}
	if statuses[http.StatusForbidden] < 5 || statuses[http.StatusForbidden] > 10 || statuses[http.StatusTooManyRequests] < 20 {
		t.Errorf("the statuses are %v", statuses)
	}
	if got := post(t, "/api/auth/login", credentials("besieged")); got.Status != http.StatusTooManyRequests {
		t.Errorf("the right password of a stranger: %v", got)
	}
	for _, path := range []string{"/api/auth/login", "/api/auth/session/login"} {
		if got := post(t, path, credentials("besieged"), "Cookie: "+device); got.Status != http.StatusOK {
			t.Errorf("%s on the owner's device: %v", path, got)
		}
	}
	notice := awaitMail(t, shared.MailURL, "besieged@example.com", 2)
	if !strings.Contains(notice.Subject, "Failed sign-in attempts") || strings.Contains(notice.Body.Text, "http") {
		t.Errorf("the notice is %+v", notice)
	}
	post(t, "/api/auth/forgot-password", asEmail("besieged"))
	link := awaitMail(t, shared.MailURL, "besieged@example.com", 3)
	done := reset(t, link.token(t), "Another password 1")
	if done.Status != http.StatusOK || !strings.HasPrefix(done.Header.Get("Set-Cookie"), "device=") {
		t.Fatalf("the reset: %d %v", done.Status, done.Header)
	}
	if got := post(t, "/api/auth/login", `{"username":"besieged","password":"Another password 1"}`); got.Status != http.StatusOK {
		t.Errorf("after the reset: %v", got)
	}
}

// TestALimiterWithoutItsStore: 503 where limits are exact, an answer elsewhere.
func TestALimiterWithoutItsStore(t *testing.T) {
	quiet(t)
	access := register(t, "unlimited")
	defer shared.tap.Reset()
	shared.tap.Inject(wiretap.OfLimits+"UpdateItem", 0, 1<<30, wiretap.Refuse)
	if got := post(t, "/api/auth/login", credentials("unlimited")); got.Status != http.StatusServiceUnavailable {
		t.Errorf("login: %v", got)
	}
	if got := me(t, bearer(access)); got.Status != http.StatusOK {
		t.Errorf("me: %v", got)
	}
}

// TestWhatLimitsCost: the limiter's own writes, of a unit each, beside the budgets of the endpoints.
func TestWhatLimitsCost(t *testing.T) {
	access := register(t, "costly")
	quiet(t)
	wrong := `{"username":"costly","password":"wrong"}`
	tests := map[string]struct {
		request func() response
		want    string
	}{
		"login":           {func() response { return post(t, "/api/auth/login", credentials("costly")) }, "UpdateItem UpdateItem UpdateItem DeleteItem r0 w4"},
		"login, wrong":    {func() response { return post(t, "/api/auth/login", wrong) }, "UpdateItem UpdateItem UpdateItem r0 w3"},
		"login, unknown":  {func() response { return post(t, "/api/auth/login", credentials("nobody at all")) }, "UpdateItem UpdateItem UpdateItem r0 w3"},
		"forgot-password": {func() response { return post(t, "/api/auth/forgot-password", asEmail("costly")) }, "UpdateItem UpdateItem r0 w2"},
		"reset-password":  {func() response { return reset(t, "x", "Another password 1") }, "UpdateItem r0 w1"},
		"me":              {func() response { return me(t, bearer(access)) }, "UpdateItem r0 w1"},
		"health":          {func() response { return send(t, shared.URL, "GET", "/api/auth/health", "") }, " r0 w0"},
	}
	for name, test := range tests {
		var got [3]string // the first may begin windows, which cost a second write where they take the place of others; so may one more
		for i := range got {
			shared.tap.Reset()
			test.request()
			got[i] = spentOnLimits(shared)
		}
		if got[1] != test.want && got[2] != test.want {
			t.Errorf("%s: spent %q, want %q", name, got, test.want)
		}
	}
}

// TestWhoIsSignedInHasLimitsOfHisOwn, on the critical endpoints too.
func TestWhoIsSignedInHasLimitsOfHisOwn(t *testing.T) {
	access := register(t, "signed-in")
	critical := map[string]string{
		"/api/auth/register": registration("signed-in-too"), "/api/auth/login": credentials("signed-in"),
		"/api/auth/session/login": credentials("signed-in"), "/api/auth/send-verification": asEmail("signed-in"),
		"/api/auth/forgot-password": asEmail("signed-in"), "/api/auth/reset-password": `{"token":"x","new_password":"Another password 1"}`,
	}
	for path, body := range critical {
		if got := post(t, path, body, bearer(access)).Header.Get("RateLimit-Limit"); got != "20000" {
			t.Errorf("%s: the limit is %q", path, got)
		}
	}
	if got := post(t, "/api/auth/refresh", `{"refresh_token":"x"}`, bearer(access)).Header.Get("RateLimit-Limit"); got != "180000" {
		t.Errorf("refresh: the limit is %q", got)
	}
}

// TestANeutralRegistration over HTTP: one answer, and the mail that fits.
func TestANeutralRegistration(t *testing.T) {
	api := startStack(t, stack.Options{
		Root: moduleRoot(t), DynamoDBEndpoint: shared.DynamoDBEndpoint, Log: io.Discard,
		Environment: map[string]string{"DYNAMODB_ENDPOINT": shared.tap.URL, "REGISTER_NEUTRAL": "true", "SES_ENDPOINT": shared.MailURL},
	})
	ask := func(path, body string) response {
		return send(t, api.URL, "POST", path, body, "Content-Type: application/json")
	}
	free := ask("/api/auth/register", registration("reticent"))
	taken := ask("/api/auth/register", `{"username":"reticent2","email":"reticent@example.com","password":"SecurePass123!"}`)
	if free.Status != http.StatusCreated || taken.Status != free.Status || taken.Body != free.Body || free.Member("message") == "" {
		t.Errorf("free: %v; taken: %v", free, taken)
	}
	for _, path := range []string{"/api/auth/login", "/api/auth/session/login"} {
		if got := ask(path, credentials("reticent")); got.Status != http.StatusForbidden || got.Member("code") != "invalid_credentials" {
			t.Errorf("%s before the link is used: %v", path, got)
		}
	}
	if got := ask("/api/auth/register", registration("reticent")); got.Member("code") != "username_taken" {
		t.Errorf("a taken username: %v", got)
	}
	var subjects []string
	for nth := range 2 {
		subjects = append(subjects, awaitMail(t, shared.MailURL, "reticent@example.com", nth+1).Subject)
	}
	if !slices.ContainsFunc(subjects, func(subject string) bool { return strings.Contains(subject, "already have an account") }) {
		t.Errorf("the mails are %v", subjects)
	}
}

// TestTriesAtBothLoginsCountTogether, for a name that no account has as well.
func TestTriesAtBothLoginsCountTogether(t *testing.T) {
	register(t, "guessed")
	for _, name := range []string{"guessed", "guessed-by-nobody"} {
		wrong := fmt.Sprintf(`{"username":%q,"password":"a wrong password"}`, name)
		for n, path := range []string{"login", "login", "session/login", "session/login", "session/login"} {
			if got := post(t, "/api/auth/"+path, wrong); got.Status != http.StatusForbidden {
				t.Errorf("%s, try %d: %v", name, n+1, got)
			}
		}
		for _, path := range []string{"login", "session/login"} {
			if got := post(t, "/api/auth/"+path, wrong); got.Status != http.StatusTooManyRequests {
				t.Errorf("%s, the next try at %s: %v", name, path, got)
			}
		}
	}
}
