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
	refreshToken := login(t, "patient").Member("refresh_token")
	leaving := login(t, "patient").Member("access_token")
	requests := map[string]func() response{
		"register": func() response { return post(t, "/api/auth/register", registration("delayed")) },
		"login":    func() response { return post(t, "/api/auth/login", credentials("patient")) },
		"refresh":  func() response { return refresh(t, refreshToken) },
		"logout":   func() response { return post(t, "/api/auth/logout", "", bearer(leaving)) },
		"me":       func() response { return post(t, "/api/auth/me", "", bearer(token)) },
		"health":   func() response { return send(t, shared.URL, "GET", "/api/auth/health", "") },
	}
	for _, operation := range []string{"GetItem", "BatchGetItem"} {
		shared.tap.Inject(operation, 0, 1<<30, wiretap.Refuse)
	}
	for name, request := range requests {
		got := request()
		if got.Status != http.StatusServiceUnavailable || got.Header.Get("Retry-After") == "" || got.Member("code") != "service_unavailable" {
			t.Errorf("%s: %v", name, got)
		}
	}
	shared.tap.Reset()
	for name, request := range requests {
		if got := request(); got.Status >= 300 {
			t.Errorf("%s, after it is back: %v", name, got)
		}
	}
}

// TestARetryAfterALostAnswer: what the store did counts, and the client is not told that its own name is taken.
func TestARetryAfterALostAnswer(t *testing.T) {
	quiet(t)
	defer shared.tap.Reset()
	shared.tap.Inject("TransactWriteItems", 0, 1, wiretap.LoseAnswer)
	if got := post(t, "/api/auth/register", registration("unlucky")); got.Status != http.StatusCreated {
		t.Errorf("register: %v", got)
	}
	shared.tap.Inject("UpdateItem", 0, 1, wiretap.LoseAnswer)
	shared.tap.Inject("PutItem", 0, 1, wiretap.LoseAnswer)
	signedIn := post(t, "/api/auth/login", credentials("unlucky"))
	if signedIn.Status != http.StatusOK {
		t.Errorf("login: %v", signedIn)
	}
	shared.tap.Inject("UpdateItem", 0, 1, wiretap.LoseAnswer)
	refreshed := refresh(t, signedIn.Member("refresh_token"))
	if refreshed.Status != http.StatusOK {
		t.Errorf("refresh: %v", refreshed)
	}
	shared.tap.Inject("DeleteItem", 0, 1, wiretap.LoseAnswer)
	if got := post(t, "/api/auth/logout", "", bearer(refreshed.Member("access_token"))); got.Status != http.StatusOK {
		t.Errorf("logout: %v", got)
	}
}

// TestAKilledProcessIsReplaced: a process that dies between requests costs none of them.
func TestAKilledProcessIsReplaced(t *testing.T) {
	token := register(t, "survivor")
	me := func() response { return post(t, "/api/auth/me", "", bearer(token)) }
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
	if got := me(); got.Status != http.StatusOK {
		t.Fatalf("the answer is %v", got)
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
	login := func() response {
		return send(t, api.URL, "POST", "/api/auth/login", credentials("keeper"), "Content-Type: application/json")
	}
	if got := send(t, api.URL, "POST", "/api/auth/register", registration("keeper"), "Content-Type: application/json"); got.Status != http.StatusCreated {
		t.Fatalf("registering: %v", got)
	}
	database.Stop()
	begun := time.Now()
	if got := login(); got.Status != http.StatusServiceUnavailable || got.Header.Get("Retry-After") == "" {
		t.Errorf("with the engine stopped: %v", got)
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("the answer took %v", took)
	}
	startEngine(t, engine.Options{Root: root, Folder: folder, Port: port})
	if got := login(); got.Status != http.StatusOK {
		t.Errorf("with the engine back: %v", got)
	}
}

// TestAStackThatRestarts: users and keys are kept in the data folder.
func TestAStackThatRestarts(t *testing.T) {
	options := stack.Options{Root: moduleRoot(t), DataDir: t.TempDir(), Log: io.Discard}
	first := startStack(t, options)
	registered := send(t, first.URL, "POST", "/api/auth/register", registration("keeper"), "Content-Type: application/json")
	if registered.Status != http.StatusCreated {
		t.Fatalf("registering: %v", registered)
	}
	first.Close()
	options.Environment = map[string]string{"PUBLIC_URL": first.URL}
	second := startStack(t, options)
	if got := send(t, second.URL, "POST", "/api/auth/login", credentials("keeper"), "Content-Type: application/json"); got.Status != http.StatusOK {
		t.Errorf("logging in after a restart: %v", got)
	}
	if got := send(t, second.URL, "GET", "/api/auth/me", "", bearer(registered.Member("access_token"))); got.Status != http.StatusOK {
		t.Errorf("a token from before the restart: %v", got)
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
