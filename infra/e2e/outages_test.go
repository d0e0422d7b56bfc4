package e2e_test

import (
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"latchkey/infra/local/engine"
	"latchkey/infra/local/stack"
	"latchkey/infra/testkit/wiretap"
)

// TestAStoreThatIsAway: 503 in time, never a refusal, and it recovers by itself.
func TestAStoreThatIsAway(t *testing.T) {
	quiet(t)
	token := register(t, "patient")
	refreshToken := login(t, "patient").member("refresh_token")
	leaving := login(t, "patient").member("access_token")
	requests := map[string]func() answer{
		"register": func() answer { return post(t, "/api/auth/register", registration("delayed")) },
		"login":    func() answer { return post(t, "/api/auth/login", credentials("patient")) },
		"refresh":  func() answer { return refresh(t, refreshToken) },
		"logout":   func() answer { return post(t, "/api/auth/logout", "", bearer(leaving)) },
		"me":       func() answer { return post(t, "/api/auth/me", "", bearer(token)) },
		"health":   func() answer { return send(t, shared.URL, "GET", "/api/auth/health", "") },
	}
	for _, operation := range []string{"GetItem", "BatchGetItem"} {
		shared.tap.Inject(operation, 0, 1<<30, wiretap.Refuse)
	}
	for name, request := range requests {
		got := request()
		if got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" || got.member("code") != "service_unavailable" {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	shared.tap.Reset()
	for name, request := range requests {
		if got := request(); got.status >= 300 {
			t.Errorf("%s, after it is back: %d %s", name, got.status, got.body)
		}
	}
}

// TestARetryAfterALostAnswer: what the store did counts, and the client is not told that its own name is taken.
func TestARetryAfterALostAnswer(t *testing.T) {
	quiet(t)
	defer shared.tap.Reset()
	shared.tap.Inject("TransactWriteItems", 0, 1, wiretap.LoseAnswer)
	if got := post(t, "/api/auth/register", registration("unlucky")); got.status != http.StatusCreated {
		t.Errorf("register: %d %s", got.status, got.body)
	}
	shared.tap.Inject("UpdateItem", 0, 1, wiretap.LoseAnswer)
	shared.tap.Inject("PutItem", 0, 1, wiretap.LoseAnswer)
	signedIn := post(t, "/api/auth/login", credentials("unlucky"))
	if signedIn.status != http.StatusOK {
		t.Errorf("login: %d %s", signedIn.status, signedIn.body)
	}
	shared.tap.Inject("UpdateItem", 0, 1, wiretap.LoseAnswer)
	refreshed := refresh(t, signedIn.member("refresh_token"))
	if refreshed.status != http.StatusOK {
		t.Errorf("refresh: %d %s", refreshed.status, refreshed.body)
	}
	shared.tap.Inject("DeleteItem", 0, 1, wiretap.LoseAnswer)
	if got := post(t, "/api/auth/logout", "", bearer(refreshed.member("access_token"))); got.status != http.StatusOK {
		t.Errorf("logout: %d %s", got.status, got.body)
	}
}

// TestAKilledProcessIsReplaced: a process that dies between requests costs none of them.
func TestAKilledProcessIsReplaced(t *testing.T) {
	token := register(t, "survivor")
	me := func() answer { return post(t, "/api/auth/me", "", bearer(token)) }
	me()
	before := shared.Host.Processes()["Me"]
	if len(before) == 0 {
		t.Fatal("no process served the request")
	}
	for _, pid := range before {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	for len(shared.Host.Processes()["Me"]) > 0 {
		time.Sleep(time.Millisecond)
	}
	if got := me(); got.status != http.StatusOK {
		t.Fatalf("the answer is %d %s", got.status, got.body)
	}
	if after := shared.Host.Processes()["Me"]; len(after) != 1 || slices.Contains(before, after[0]) {
		t.Errorf("the processes were %v and are %v", before, after)
	}
}

// TestAnEngineThatStops: 503 within the function's timeout while the engine is stopped, and all is well when it is back.
func TestAnEngineThatStops(t *testing.T) {
	root, folder := moduleRoot(t), t.TempDir()
	database := startEngine(t, engine.Options{Root: root, Folder: folder})
	api := startStack(t, stack.Options{Root: root, DynamoDBEndpoint: database.Endpoint, Log: io.Discard})
	port := portOf(t, database.Endpoint)
	login := func() answer {
		return send(t, api.URL, "POST", "/api/auth/login", credentials("keeper"), "Content-Type: application/json")
	}
	if got := send(t, api.URL, "POST", "/api/auth/register", registration("keeper"), "Content-Type: application/json"); got.status != http.StatusCreated {
		t.Fatalf("registering: %d %s", got.status, got.body)
	}
	database.Stop()
	begun := time.Now()
	if got := login(); got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" {
		t.Errorf("with the engine stopped: %d %s", got.status, got.body)
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("the answer took %v", took)
	}
	startEngine(t, engine.Options{Root: root, Folder: folder, Port: port})
	if got := login(); got.status != http.StatusOK {
		t.Errorf("with the engine back: %d %s", got.status, got.body)
	}
}

// TestAStackThatRestarts: users and keys are kept in the data folder.
func TestAStackThatRestarts(t *testing.T) {
	options := stack.Options{Root: moduleRoot(t), DataDir: t.TempDir(), Log: io.Discard}
	first := startStack(t, options)
	registered := send(t, first.URL, "POST", "/api/auth/register", registration("keeper"), "Content-Type: application/json")
	if registered.status != http.StatusCreated {
		t.Fatalf("registering: %d %s", registered.status, registered.body)
	}
	first.Close()
	options.Environment = map[string]string{"PUBLIC_URL": first.URL}
	second := startStack(t, options)
	if got := send(t, second.URL, "POST", "/api/auth/login", credentials("keeper"), "Content-Type: application/json"); got.status != http.StatusOK {
		t.Errorf("logging in after a restart: %d %s", got.status, got.body)
	}
	if got := send(t, second.URL, "GET", "/api/auth/me", "", bearer(registered.member("access_token"))); got.status != http.StatusOK {
		t.Errorf("a token from before the restart: %d %s", got.status, got.body)
	}
}

func moduleRoot(t *testing.T) string {
	t.Helper()
	root, err := engine.Root()
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func startEngine(t *testing.T, options engine.Options) *engine.Engine {
	t.Helper()
	started, err := engine.StartDynoxide(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(started.Stop)
	return started
}

// startStack starts a stack of the test's own, without limits unless its environment says otherwise.
func startStack(t *testing.T, options stack.Options) *stack.Stack {
	t.Helper()
	environment := map[string]string{"RATE_LIMIT_FACTOR": unlimited}
	maps.Copy(environment, options.Environment)
	options.Environment = environment
	started, err := stack.Start(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(started.Close)
	return started
}

func portOf(t *testing.T, endpoint string) int {
	t.Helper()
	parsed, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(parsed.Port())
	if err != nil {
		t.Fatal(err)
	}
	return port
}
