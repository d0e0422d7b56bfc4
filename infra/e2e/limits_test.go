package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"latchkey/infra/local/stack"
	"latchkey/infra/testkit/wiretap"
	"latchkey/pkg/app"
	"latchkey/pkg/contract"
	"latchkey/pkg/lambdahttp"
)

// limitedStack starts a stack with the rate limits of a deployed one.
func limitedStack(t *testing.T) *stack.Stack {
	t.Helper()
	return startStack(t, stack.Options{Environment: map[string]string{"RATE_LIMIT_FACTOR": "1"}})
}

// criticalLimit is the number of requests per minute that an address may make to a critical endpoint.
const criticalLimit = 5

// inOneMinute waits until the present minute of the clock has that much time left, because each minute has its own count.
func inOneMinute(t *testing.T, left time.Duration) {
	t.Helper()
	if rest := time.Until(time.Now().Truncate(time.Minute).Add(time.Minute)); rest < left {
		time.Sleep(rest)
	}
}

// TestLimitHoldsAcrossContainers checks the limit of an address if each request is handled by a new process.
func TestLimitHoldsAcrossContainers(t *testing.T) {
	api := limitedStack(t)
	pids := map[int]bool{}
	inOneMinute(t, 20*time.Second)
	for n := 1; n <= 10; n++ {
		got := sendJSON(t, api.URL, "/api/auth/forgot-password", emailBody("unknown"))
		want := http.StatusCreated
		if n > criticalLimit {
			want = http.StatusTooManyRequests
			checkRateLimited(t, got, criticalLimit)
		}
		if got.Status != want {
			t.Errorf("request %d: got %v, want %d", n, got, want)
		}
		for _, pid := range api.Host.Processes()["ForgotPassword"] {
			pids[pid] = true
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				t.Fatal(err)
			}
		}
		for len(api.Host.Processes()["ForgotPassword"]) > 0 {
			time.Sleep(time.Millisecond)
		}
	}
	if len(pids) != 10 {
		t.Errorf("got %d processes for 10 requests, want 10", len(pids))
	}
}

// checkRateLimited checks the headers and the body of a 429.
func checkRateLimited(t *testing.T, got response, limit int) {
	t.Helper()
	checkHeaders(t, got)
	wait := seconds(t, got.Header.Get("Retry-After"))
	if wait < 1 || wait > 60 {
		t.Errorf("Retry-After: got %d s, want 1 to 60", wait)
	}
	for name, want := range map[string]string{
		"RateLimit-Reset": strconv.Itoa(wait), "RateLimit-Remaining": "0",
		"RateLimit-Limit": strconv.Itoa(limit), "RateLimit-Policy": fmt.Sprintf("%d;w=60", limit),
	} {
		if value := got.Header.Get(name); value != want {
			t.Errorf("%s: got %q, want %q", name, value, want)
		}
	}
	for name, want := range map[string]string{
		"detail": "Too many requests", "error": "Too Many Requests", "retry_after": strconv.Itoa(wait), "status_code": "429",
	} {
		if value := got.Member(name); value != want {
			t.Errorf("member %s: got %q, want %q in %v", name, value, want, got)
		}
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

// container is a function in this process. It receives events, so that a test can choose the source address.
type container struct {
	handler lambdahttp.Handler
	route   string
}

// newContainer starts the function in a folder of functions/ with the environment that it has in the stack.
func newContainer(t *testing.T, api *stack.Stack, folder, route string, function app.Function) container {
	t.Helper()
	for _, deployed := range api.Template.Functions {
		if !strings.HasSuffix(deployed.Folder, "/"+folder) {
			continue
		}
		environment := map[string]string{"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
		maps.Copy(environment, deployed.Environment)
		handler, err := app.Build(function, func(name string) string { return environment[name] }, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		return container{lambdahttp.Adapt(handler), route}
	}
	t.Fatalf("template.yaml has no function in functions/%s", folder)
	return container{}
}

// send sends a request in the form of API Gateway, from a source address.
func (c container) send(t *testing.T, source, body string, headers map[string]string) response {
	t.Helper()
	method, path, _ := strings.Cut(c.route, " ")
	all := map[string]string{"content-type": "application/json"}
	maps.Copy(all, headers)
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

// TestSourcesShareOneLimit checks that a client gets no additional requests by varying what it controls.
func TestSourcesShareOneLimit(t *testing.T) {
	api := limitedStack(t)
	sources := map[string]struct {
		source   func(n int) (string, map[string]string) // address and headers of the nth request
		requests int
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
		"no address": {func(n int) (string, map[string]string) { return []string{"", "-", "unknown"}[n%3], nil }, 30},
	}
	for name, test := range sources {
		t.Run(name, func(t *testing.T) {
			function := newContainer(t, api, "send-verification", "POST /api/auth/send-verification", app.SendVerification)
			accepted, begun := 0, time.Now()
			for n := range test.requests {
				source, headers := test.source(n)
				switch got := function.send(t, source, emailBody(fmt.Sprint("unknown-", n)), headers); got.Status {
				case http.StatusCreated:
					accepted++
				case http.StatusTooManyRequests:
				default:
					t.Fatalf("request %d from %s: got %v, want 201 or 429", n, source, got)
				}
			}
			// A minute has a new count. The first and the last one may be too short to use it up.
			minutes := int(time.Now().Truncate(time.Minute).Sub(begun.Truncate(time.Minute))/time.Minute) + 1
			if least := max(1, minutes-2) * criticalLimit; accepted < least || accepted > minutes*criticalLimit {
				t.Errorf("got %d of %d requests accepted in %d minutes, want %d to %d",
					accepted, test.requests, minutes, least, minutes*criticalLimit)
			}
		})
	}
}

// TestNoCountOfStrangersRefusesAnOwner checks what others can do to an account from 200 addresses: mail requests, malformed
// attempts and attempts with another media type. The owner then requests a mail and signs in from an address of their own.
func TestNoCountOfStrangersRefusesAnOwner(t *testing.T) {
	api := limitedStack(t)
	name := uniqueName("owner")
	if got := sendJSON(t, api.URL, "/api/auth/register", registration(name)); got.Status != http.StatusCreated {
		t.Fatalf("register: got %v, want 201", got)
	}
	forgot := newContainer(t, api, "forgot-password", "POST /api/auth/forgot-password", app.ForgotPassword)
	login := newContainer(t, api, "login", "POST /api/auth/login", app.Login)
	for n := range 200 {
		source := fmt.Sprintf("198.51.100.%d", n)
		body := fmt.Sprintf(`{"email":%q}`, []string{email(name), strings.ToUpper(email(name))}[n%2])
		if got := forgot.send(t, source, body, nil); got.Status != http.StatusCreated {
			t.Fatalf("mail request %d about the account: got %v, want 201", n, got)
		}
		login.send(t, source, credentials(name), map[string]string{"content-type": "text/plain"})
		login.send(t, source, credentials(name)+"x", nil)
	}
	if got := forgot.send(t, "192.0.2.1", emailBody(name), nil); got.Status != http.StatusCreated {
		t.Errorf("the owner's mail request: got %v, want 201", got)
	}
	if got := login.send(t, "192.0.2.1", credentials(name), nil); got.Status != http.StatusOK {
		t.Errorf("the owner's sign-in on an unknown device: got %v, want 200", got)
	}
}

// TestAnOwnerGetsInDuringAnAttack guesses at an account and requests its mails from 1,000 addresses. The owner has no device cookie.
// The mails that the attacker caused are in the owner's mailbox, and the link in any of them lets the owner in.
func TestAnOwnerGetsInDuringAnAttack(t *testing.T) {
	name := uniqueName("attacked")
	register(t, name)
	awaitMail(t, name, 1)
	login := newContainer(t, shared.Stack, "login", "POST /api/auth/login", app.Login)
	forgot := newContainer(t, shared.Stack, "forgot-password", "POST /api/auth/forgot-password", app.ForgotPassword)
	attack := func(from, to int) {
		for n := from; n < to; n++ {
			source := fmt.Sprintf("198.18.%d.%d", n/250, n%250)
			login.send(t, source, wrongCredentials(name), nil)
			forgot.send(t, source, emailBody(name), nil)
		}
	}
	attack(0, 500)
	if got := post(t, "/api/auth/login", credentials(name)); got.Status != http.StatusTooManyRequests {
		t.Errorf("the right password among guesses: got %v, want 429", got)
	}
	done := resetPassword(t, awaitLink(t, name), newPassword)
	if done.Status != http.StatusOK {
		t.Fatalf("reset-password: got %v, want 200", done)
	}
	device, _, _ := strings.Cut(done.Header.Get("Set-Cookie"), "; ")
	attack(500, 1000)
	body := fmt.Sprintf(`{"username":%q,"password":%q}`, name, newPassword)
	for range 3 {
		got := post(t, "/api/auth/login", body, "Cookie: "+device)
		if got.Status != http.StatusOK {
			t.Errorf("login where the password was reset: got %v, want 200", got)
		}
		if again, _, found := strings.Cut(got.Header.Get("Set-Cookie"), "; "); found {
			device = again
		}
	}
}

// awaitLink returns the token of a mailed reset link.
func awaitLink(t *testing.T, name string) string {
	t.Helper()
	for n := 2; ; n++ {
		if mail := awaitMail(t, name, n); strings.Contains(mail.Subject, "Reset your password") {
			return mail.token(t)
		}
	}
}

// TestGuessingDoesNotLockOwnersOut checks that guesses at a password are delayed and that the owner gets one notice. The owner
// can sign in on a known device and, after a password reset, on any device.
func TestGuessingDoesNotLockOwnersOut(t *testing.T) {
	name := uniqueName("guessed")
	register(t, name)
	awaitMail(t, name, 1)
	header := login(t, name).Header.Get("Set-Cookie")
	device, attributes, _ := strings.Cut(header, "; ")
	if want := "Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax"; !strings.HasPrefix(device, "device=") || attributes != want {
		t.Fatalf("login: got Set-Cookie %q, want device with %q", header, want)
	}
	statuses := map[int]int{}
	for range 30 {
		got := post(t, "/api/auth/login", wrongCredentials(name))
		statuses[got.Status]++
		if wait := got.Header.Get("Retry-After"); got.Status == http.StatusTooManyRequests && seconds(t, wait) > 20 {
			t.Errorf("a guess: got Retry-After %s, want at most 20 s", wait)
		}
	}
	if refused := statuses[http.StatusForbidden]; refused < 5 || refused > 10 || statuses[http.StatusTooManyRequests] < 20 {
		t.Errorf("30 guesses: got the statuses %v, want 5 to 10 times 403 and else 429", statuses)
	}
	if got := post(t, "/api/auth/login", credentials(name)); got.Status != http.StatusTooManyRequests {
		t.Errorf("the right password from an unknown device: got %v, want 429", got)
	}
	for _, path := range []string{"/api/auth/login", "/api/auth/session/login"} {
		if got := post(t, path, credentials(name), "Cookie: "+device); got.Status != http.StatusOK {
			t.Errorf("%s on the known device: got %v, want 200", path, got)
		}
	}
	notice := awaitMail(t, name, 2)
	if want := "Failed sign-in attempts"; !strings.Contains(notice.Subject, want) || strings.Contains(notice.Body.Text, "http") {
		t.Errorf("got the notice %+v, want the subject %q and no link", notice, want)
	}
	post(t, "/api/auth/forgot-password", emailBody(name))
	done := resetPassword(t, awaitMail(t, name, 3).token(t), newPassword)
	if done.Status != http.StatusOK || !strings.HasPrefix(done.Header.Get("Set-Cookie"), "device=") {
		t.Fatalf("reset-password: got %v %v, want 200 and a device cookie", done, done.Header)
	}
	body := fmt.Sprintf(`{"username":%q,"password":%q}`, name, newPassword)
	if got := post(t, "/api/auth/login", body); got.Status != http.StatusOK {
		t.Errorf("login from an unknown device after the reset: got %v, want 200", got)
	}
}

// TestALimiterWithoutItsStore checks that, without the counters, endpoints with exact limits respond with 503 and the others
// continue.
func TestALimiterWithoutItsStore(t *testing.T) {
	pauseMailer(t)
	name := uniqueName("limiter")
	access := register(t, name)
	defer shared.Tap.Reset()
	shared.Tap.Inject(wiretap.OfLimits+"UpdateItem", 0, 1<<30, wiretap.Refuse)
	for path, body := range map[string]string{"/api/auth/login": credentials(name), "/api/auth/forgot-password": emailBody(name)} {
		if got := post(t, path, body); got.Status != http.StatusServiceUnavailable {
			t.Errorf("%s: got %v, want 503", path, got)
		}
	}
	if got := me(t, bearer(access)); got.Status != http.StatusOK {
		t.Errorf("me: got %v, want 200", got)
	}
}

// TestBelowASixthOfTheLimitNothingIsWritten sends requests to each endpoint with a medium limit, with the limits of a deployed stack:
// ten from one source, and then one more. The stack uses the shared tables through the wiretap, so that its calls count as uses of
// the roles.
func TestBelowASixthOfTheLimitNothingIsWritten(t *testing.T) {
	pauseMailer(t)
	api := startStack(t, stack.Options{
		DynamoDBEndpoint: shared.DynamoDBEndpoint, Platform: stack.Own{MaxProcesses: 1},
		Environment: map[string]string{"DYNAMODB_ENDPOINT": shared.Tap.URL, "RATE_LIMIT_FACTOR": "1"},
	})
	counted := map[string]bool{} // paths, whose methods count together
	for _, endpoint := range contract.Endpoints {
		if endpoint.Tier != contract.Medium || counted[endpoint.Path] {
			continue
		}
		counted[endpoint.Path] = true
		inOneMinute(t, 10*time.Second)
		for n := 1; n <= 11; n++ {
			shared.Tap.Reset()
			got := send(t, api.URL, endpoint.Method, pathOf(endpoint), "")
			want := 0
			if n == 11 {
				want = 1
			}
			if calls := shared.Tap.LimitCalls(); len(calls) != want || got.Status >= 500 || got.Status == http.StatusTooManyRequests {
				t.Errorf("%s, request %d: got %v and %d writes of a count, want %d", endpoint.Key(), n, got, len(calls), want)
			}
		}
	}
}

// TestANeutralRegistration checks that, with REGISTER_NEUTRAL, the response does not depend on whether the address is
// registered, and that the mails do. The stack uses the shared tables through the wiretap, so that its calls count as uses of
// the roles.
func TestANeutralRegistration(t *testing.T) {
	api := startStack(t, stack.Options{
		DynamoDBEndpoint: shared.DynamoDBEndpoint,
		Environment:      map[string]string{"DYNAMODB_ENDPOINT": shared.Tap.URL, "REGISTER_NEUTRAL": "true", "SES_ENDPOINT": shared.MailURL},
	})
	name := uniqueName("neutral")
	free := sendJSON(t, api.URL, "/api/auth/register", registration(name))
	taken := sendJSON(t, api.URL, "/api/auth/register", strings.Replace(registration(name), name, name+"x", 1))
	if free.Status != http.StatusCreated || taken.Status != free.Status || taken.Body != free.Body || free.Member("message") == "" {
		t.Errorf("got %v for a free address and %v for a taken one, want the same message with 201", free, taken)
	}
	for _, path := range []string{"/api/auth/login", "/api/auth/session/login"} {
		got := sendJSON(t, api.URL, path, credentials(name))
		if got.Status != http.StatusForbidden || got.Member("code") != "invalid_credentials" {
			t.Errorf("%s before the verification: got %v, want 403 invalid_credentials", path, got)
		}
	}
	if got := sendJSON(t, api.URL, "/api/auth/register", registration(name)); got.Member("code") != "username_taken" {
		t.Errorf("register with a taken username: got %v, want username_taken", got)
	}
	subjects := awaitMail(t, name, 1).Subject + "\n" + awaitMail(t, name, 2).Subject
	if want := "already have an account"; !strings.Contains(subjects, want) {
		t.Errorf("got the subjects %q, want one that contains %q", subjects, want)
	}
}

// TestTriesAtBothLoginsCountTogether checks this for a user and for a name without an account.
func TestTriesAtBothLoginsCountTogether(t *testing.T) {
	user := uniqueName("both")
	register(t, user)
	for _, name := range []string{user, uniqueName("unknown")} {
		for n, path := range []string{"login", "login", "session/login", "session/login", "session/login"} {
			if got := post(t, "/api/auth/"+path, wrongCredentials(name)); got.Status != http.StatusForbidden {
				t.Errorf("%s, attempt %d at %s: got %v, want 403", name, n+1, path, got)
			}
		}
		for _, path := range []string{"login", "session/login"} {
			if got := post(t, "/api/auth/"+path, wrongCredentials(name)); got.Status != http.StatusTooManyRequests {
				t.Errorf("%s, attempt 6 at %s: got %v, want 429", name, path, got)
			}
		}
	}
}
