// Package e2e_test sends HTTP requests to the built functions, as clients do, over a real DynamoDB engine.
//
// One stack serves all tests of the package. A test that changes settings or stops a component starts a stack of its own.
package e2e_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"latchkey/infra/testkit"
	"latchkey/infra/testkit/httpclient"
	"latchkey/infra/testkit/stacktest"
)

// shared is the stack of all tests, and logs contains the output of its functions.
var (
	shared *stacktest.Stack
	logs   testkit.Buffer
)

// unlimited is a RATE_LIMIT_FACTOR that keeps all tests below the limits, except the tests of the limits themselves.
const unlimited = "1000"

// logTail is the number of log lines printed after a failure.
const logTail = 40

func TestMain(m *testing.M) { os.Exit(run(m)) }

// run runs the tests. Afterwards it checks that the tables contain no credential that a test has sent or received, and that
// the roles of the functions allow exactly the calls that were made.
func run(m *testing.M) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var err error
	shared, err = stacktest.Start(ctx, stacktest.Options{Environment: map[string]string{"RATE_LIMIT_FACTOR": unlimited}, Log: &logs})
	if err != nil {
		fmt.Fprintln(os.Stderr, "starting the stack:", err)
		return 1
	}
	defer shared.Close()
	code := m.Run()
	if found := secrets.foundIn(shared.DynamoDBEndpoint); len(found) > 0 {
		fmt.Fprintln(os.Stderr, "FAIL: the tables contain usable credentials:", found)
		code = 1
	}
	if faults, err := faultsOfRoles(shared.Template.Path, shared.Tap.Uses()); err != nil || len(faults) > 0 {
		fmt.Fprintf(os.Stderr, "FAIL: the roles in template.yaml do not match the calls of the functions: %v\n%s\n", err, strings.Join(faults, "\n"))
		code = 1
	}
	if code != 0 {
		lines := strings.SplitAfter(logs.String(), "\n")
		fmt.Fprint(os.Stderr, strings.Join(lines[max(0, len(lines)-logTail):], ""))
	}
	return code
}

// pauseMailer pauses the mailer until the test ends, so that its store calls are not counted and do not meet injected faults.
func pauseMailer(t *testing.T) {
	t.Helper()
	if shared.Deliveries.Paused() {
		return // by a test around this one
	}
	shared.Deliveries.Pause()
	t.Cleanup(shared.Deliveries.Resume)
}

// lastID is the number of names and ids given to tests.
var lastID atomic.Int64

// uniqueID returns a number that no other test has.
func uniqueID() int64 { return lastID.Add(1) }

// uniqueName returns a username that no other test has, so that the tests can be repeated in one process.
func uniqueName(prefix string) string { return fmt.Sprintf("%s-%d", prefix, uniqueID()) }

func email(name string) string { return name + "@example.com" }

// response is a response of the API.
type response = httpclient.Response

// client notes every credential that it sends or receives.
var client = httpclient.Client{Transport: secrets}

// send makes a request to any stack. Each header has the form "Name: value".
func send(t *testing.T, base, method, path, body string, headers ...string) response {
	t.Helper()
	return client.Send(t, method, base+path, body, headers...)
}

// sendJSON makes a POST request with a JSON body to any stack.
func sendJSON(t *testing.T, base, path, body string, headers ...string) response {
	t.Helper()
	return send(t, base, "POST", path, body, append(headers, httpclient.JSON)...)
}

// get makes a request to the shared stack.
func get(t *testing.T, path string, headers ...string) response {
	t.Helper()
	return send(t, shared.URL, "GET", path, "", headers...)
}

// post sends JSON to the shared stack.
func post(t *testing.T, path, body string, headers ...string) response {
	t.Helper()
	return sendJSON(t, shared.URL, path, body, headers...)
}

// tryPost is post for goroutines other than that of the test.
func tryPost(t *testing.T, path, body string, headers ...string) (response, error) {
	t.Helper()
	return client.Do(t.Context(), "POST", shared.URL+path, body, append(headers, httpclient.JSON)...)
}

func bearer(token string) string { return httpclient.Bearer(token) }

// registration returns the body that registers a user.
func registration(name string) string {
	return fmt.Sprintf(`{"username":%q,"email":%q,"password":"SecurePass123!"}`, name, email(name))
}

// credentials returns the body of a login.
func credentials(name string) string {
	return fmt.Sprintf(`{"username":%q,"password":"SecurePass123!"}`, name)
}

// wrongCredentials returns the body of a login that fails.
func wrongCredentials(name string) string {
	return fmt.Sprintf(`{"username":%q,"password":"a wrong password"}`, name)
}

// register creates a user on the shared stack and returns its access token.
func register(t *testing.T, name string) string {
	t.Helper()
	got := post(t, "/api/auth/register", registration(name))
	if got.Status != 201 {
		t.Fatalf("registering %s: got %v, want 201", name, got)
	}
	return got.Member("access_token")
}

// login signs in on the shared stack.
func login(t *testing.T, name string) response {
	t.Helper()
	got := post(t, "/api/auth/login", credentials(name))
	if got.Status != 200 {
		t.Fatalf("logging in as %s: got %v, want 200", name, got)
	}
	return got
}

// me requests the current user.
func me(t *testing.T, headers ...string) response {
	t.Helper()
	return get(t, "/api/auth/me", headers...)
}

// userID returns the id of the user that an access token belongs to.
func userID(t *testing.T, access string) string {
	t.Helper()
	return me(t, bearer(access)).Member("id")
}
