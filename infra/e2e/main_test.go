// Package e2e_test speaks HTTP to the built functions, as a client does, over a real DynamoDB engine.
//
// One stack serves all tests of the package, with a wiretap between functions and engine. Tests that break something
// start a stack of their own.
package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"latchkey/infra/local/engine"
	"latchkey/infra/local/stack"
	"latchkey/infra/local/streams"
	"latchkey/infra/testkit/httpclient"
	"latchkey/infra/testkit/wiretap"
)

// shared is the stack of all tests.
var shared *house

// house is a stack with what a test needs around it.
type house struct {
	*stack.Stack
	tap  *wiretap.Proxy
	logs *logs
	mail *gate

	providers
}

// gate lets deliveries to the mailer through, or holds them.
type gate struct {
	open sync.RWMutex
	held bool
}

func (g *gate) through(next streams.Invoke) streams.Invoke {
	return func(ctx context.Context, function string, payload []byte) ([]byte, error) {
		g.open.RLock()
		defer g.open.RUnlock()
		return next(ctx, function, payload)
	}
}

// quiet holds the mailer until the test ends, so that only the test's own requests are counted and meet its faults.
func quiet(t *testing.T) {
	t.Helper()
	if shared.mail.held {
		return
	}
	shared.mail.open.Lock()
	shared.mail.held = true
	t.Cleanup(func() {
		shared.mail.held = false
		shared.mail.open.Unlock()
	})
}

// unlimited is a factor that no test gets to the end of, but for those of the limits themselves.
const unlimited = "1000"

// lastLines is how much of the functions' log is shown when a test has failed.
const lastLines = 40

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var err error
	var end func()
	if shared, end, err = open(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "starting the stack:", err)
		return 1
	}
	defer end()
	code := m.Run()
	if found := secrets.foundIn(shared.DynamoDBEndpoint); len(found) > 0 {
		fmt.Fprintln(os.Stderr, "FAIL: the tables hold what opens something:", found)
		code = 1
	}
	if faults, err := faultsOfRoles(shared.Template.Path, shared.tap.Uses()); err != nil || len(faults) > 0 {
		fmt.Fprintf(os.Stderr, "FAIL: the roles in template.yaml are not what the functions need: %v\n%s\n", err, strings.Join(faults, "\n"))
		code = 1
	}
	if code != 0 {
		lines := strings.SplitAfter(shared.logs.String(), "\n")
		fmt.Fprint(os.Stderr, strings.Join(lines[max(0, len(lines)-lastLines):], ""))
	}
	return code
}

// open starts an engine in memory, the wiretap before it and the stack before that.
func open(ctx context.Context) (*house, func(), error) {
	root, err := engine.Root()
	if err != nil {
		return nil, nil, err
	}
	database, err := engine.StartDynoxide(ctx, engine.Options{Root: root})
	if err != nil {
		return nil, nil, err
	}
	tap, err := wiretap.Serve(database.Endpoint)
	if err != nil {
		return nil, nil, err
	}
	known, err := startProviders()
	if err != nil {
		return nil, nil, err
	}
	environment := known.settings()
	environment["DYNAMODB_ENDPOINT"], environment["RATE_LIMIT_FACTOR"] = tap.URL, unlimited
	output, mail := &logs{}, &gate{}
	started, err := stack.Start(ctx, stack.Options{
		Root: root, DynamoDBEndpoint: database.Endpoint, Log: output, Environment: environment, Deliver: mail.through,
	})
	if err != nil {
		return nil, nil, err
	}
	return &house{Stack: started, tap: tap, logs: output, mail: mail, providers: known}, func() {
		started.Close()
		known.close()
		tap.Close()
		database.Stop()
	}, nil
}

// logs collects what the functions write.
type logs struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements [io.Writer].
func (l *logs) Write(data []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(data)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// response is a response of the API.
type response = httpclient.Response

// client notes every secret that it sends or receives.
var client = httpclient.Client{Transport: secrets}

// send makes a request. Each header has the form "Name: value".
func send(t *testing.T, base, method, path, body string, headers ...string) response {
	t.Helper()
	return client.Send(t, method, base+path, body, headers...)
}

// try is send for other goroutines than the test's own.
func try(ctx context.Context, base, method, path, body string, headers ...string) (response, error) {
	return client.Do(ctx, method, base+path, body, headers...)
}

// post sends JSON to the shared stack.
func post(t *testing.T, path, body string, headers ...string) response {
	t.Helper()
	return send(t, shared.URL, "POST", path, body, append(headers, "Content-Type: application/json")...)
}

func bearer(token string) string { return "Authorization: Bearer " + token }

// registration is a body for a user of that name.
func registration(name string) string {
	return fmt.Sprintf(`{"username":%q,"email":%q,"password":"SecurePass123!"}`, name, name+"@example.com")
}

func credentials(name string) string {
	return fmt.Sprintf(`{"username":%q,"password":"SecurePass123!"}`, name)
}

// register creates a user on the shared stack and returns its access token.
func register(t *testing.T, name string) string {
	t.Helper()
	got := post(t, "/api/auth/register", registration(name))
	if got.Status != http.StatusCreated {
		t.Fatalf("registering %s: %v", name, got)
	}
	return got.Member("access_token")
}
