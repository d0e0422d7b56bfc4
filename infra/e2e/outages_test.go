package e2e_test

import (
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

// TestStoreOutage checks that every endpoint responds with 503 and Retry-After while the store refuses calls, never with a
// refusal of the credentials, and works again afterwards.
func TestStoreOutage(t *testing.T) {
	pauseMailer(t)
	name := uniqueName("outage")
	token := register(t, name)
	refreshToken := login(t, name).Member("refresh_token")
	logoutToken := login(t, name).Member("access_token")
	newUser := registration(uniqueName("outage"))
	requests := map[string]func() response{
		"register": func() response { return post(t, "/api/auth/register", newUser) },
		"login":    func() response { return post(t, "/api/auth/login", credentials(name)) },
		"refresh":  func() response { return refresh(t, refreshToken) },
		"logout":   func() response { return post(t, "/api/auth/logout", "", bearer(logoutToken)) },
		"me":       func() response { return post(t, "/api/auth/me", "", bearer(token)) },
		"health":   func() response { return get(t, "/api/auth/health") },
	}
	for _, operation := range []string{"GetItem", "BatchGetItem"} {
		shared.Tap.Inject(operation, 0, 1<<30, wiretap.Refuse)
	}
	for endpoint, request := range requests {
		got := request()
		if got.Status != http.StatusServiceUnavailable || got.Header.Get("Retry-After") == "" || got.Member("code") != "service_unavailable" {
			t.Errorf("%s during the outage: got %v, want 503 service_unavailable and Retry-After", endpoint, got)
		}
	}
	shared.Tap.Reset()
	for endpoint, request := range requests {
		if got := request(); got.Status >= 300 {
			t.Errorf("%s after the outage: got %v, want a success", endpoint, got)
		}
	}
}

// TestARetryAfterALostAnswer checks that a store call whose response is lost counts once. For example, a registration must
// not fail because its own first attempt has taken the name.
func TestARetryAfterALostAnswer(t *testing.T) {
	pauseMailer(t)
	defer shared.Tap.Reset()
	name := uniqueName("retry")
	shared.Tap.Inject("TransactWriteItems", 0, 1, wiretap.LoseAnswer)
	if got := post(t, "/api/auth/register", registration(name)); got.Status != http.StatusCreated {
		t.Errorf("register: got %v, want 201", got)
	}
	shared.Tap.Inject("UpdateItem", 0, 1, wiretap.LoseAnswer)
	shared.Tap.Inject("PutItem", 0, 1, wiretap.LoseAnswer)
	tokens := post(t, "/api/auth/login", credentials(name))
	if tokens.Status != http.StatusOK {
		t.Errorf("login: got %v, want 200", tokens)
	}
	shared.Tap.Inject("UpdateItem", 0, 1, wiretap.LoseAnswer)
	tokens = refresh(t, tokens.Member("refresh_token"))
	if tokens.Status != http.StatusOK {
		t.Errorf("refresh: got %v, want 200", tokens)
	}
	shared.Tap.Inject("DeleteItem", 0, 1, wiretap.LoseAnswer)
	if got := post(t, "/api/auth/logout", "", bearer(tokens.Member("access_token"))); got.Status != http.StatusOK {
		t.Errorf("logout: got %v, want 200", got)
	}
}

// TestAKilledProcessIsReplaced checks that no request fails because a process has died between requests.
func TestAKilledProcessIsReplaced(t *testing.T) {
	token := bearer(register(t, uniqueName("killed")))
	post(t, "/api/auth/me", "", token)
	before := shared.Host.Processes()["Me"]
	if len(before) == 0 {
		t.Fatal("me: got no process, want the one that has handled the request")
	}
	for _, pid := range before {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	for len(shared.Host.Processes()["Me"]) > 0 {
		time.Sleep(time.Millisecond)
	}
	if got := post(t, "/api/auth/me", "", token); got.Status != http.StatusOK {
		t.Fatalf("me after the kill: got %v, want 200", got)
	}
	if after := shared.Host.Processes()["Me"]; len(after) != 1 || slices.Contains(before, after[0]) {
		t.Errorf("me: got the processes %v, want a new one instead of %v", after, before)
	}
}

// TestEngineRestart checks that requests get 503 within the timeout of the function while the engine is stopped, and that the
// data is there after its restart.
func TestEngineRestart(t *testing.T) {
	folder := t.TempDir()
	database := startEngine(t, engine.Options{Folder: folder})
	api := startStack(t, stack.Options{DynamoDBEndpoint: database.Endpoint})
	if got := sendJSON(t, api.URL, "/api/auth/register", registration("keeper")); got.Status != http.StatusCreated {
		t.Fatalf("register: got %v, want 201", got)
	}
	database.Stop()
	start := time.Now()
	got := sendJSON(t, api.URL, "/api/auth/login", credentials("keeper"))
	if got.Status != http.StatusServiceUnavailable || got.Header.Get("Retry-After") == "" {
		t.Errorf("login without the engine: got %v, want 503 and Retry-After", got)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("login without the engine: took %v, want at most 10 s", took)
	}
	startEngine(t, engine.Options{Folder: folder, Port: portOf(t, database.Endpoint)})
	if got := sendJSON(t, api.URL, "/api/auth/login", credentials("keeper")); got.Status != http.StatusOK {
		t.Errorf("login after the restart: got %v, want 200", got)
	}
}

// TestStackRestart checks that the data folder keeps users and keys.
func TestStackRestart(t *testing.T) {
	options := stack.Options{DataDir: t.TempDir()}
	first := startStack(t, options)
	tokens := sendJSON(t, first.URL, "/api/auth/register", registration("keeper"))
	if tokens.Status != http.StatusCreated {
		t.Fatalf("register: got %v, want 201", tokens)
	}
	first.Close()
	options.Environment = map[string]string{"PUBLIC_URL": first.URL} // the issuer of the token
	second := startStack(t, options)
	if got := sendJSON(t, second.URL, "/api/auth/login", credentials("keeper")); got.Status != http.StatusOK {
		t.Errorf("login after the restart: got %v, want 200", got)
	}
	if got := send(t, second.URL, "GET", "/api/auth/me", "", bearer(tokens.Member("access_token"))); got.Status != http.StatusOK {
		t.Errorf("me with a token from before the restart: got %v, want 200", got)
	}
}

func portOf(t *testing.T, endpoint string) int {
	t.Helper()
	address, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(address.Port())
	if err != nil {
		t.Fatal(err)
	}
	return port
}
