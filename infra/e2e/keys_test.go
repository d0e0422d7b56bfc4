package e2e_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/infra/local/stack"
	"latchkey/infra/testkit"
	"latchkey/infra/testkit/httpclient"
	"latchkey/infra/testkit/ssmtest"
	"latchkey/pkg/keyring"
)

const (
	keysPath   = "/latchkey/local/keys" // in the template, for the stack name of the local host
	keyClients = 4                      // send requests without a pause while keys are rotated
	rotations  = 3
)

// quickSchedule rotates the signing key every few seconds. A new key is published for longer than a function caches a key set.
var quickSchedule = keyring.Schedule{
	Algorithm: "ES256", Period: 6 * time.Second, Notice: 4 * time.Second, Tick: time.Second, Settle: 2 * time.Second,
	SigningLife: 7 * 24 * time.Hour, DerivingLife: 365 * 24 * time.Hour,
}

// startWithoutKeys starts a stack that reads its keys from Systems Manager, where it has none yet. All tests use the path of
// the template, so each test deletes its keys.
func startWithoutKeys(t *testing.T, log *testkit.Buffer) (*stack.Stack, ssmtest.Path) {
	t.Helper()
	return startWithSSM(t, log, nil)
}

// startWithSSM is startWithoutKeys with further settings.
func startWithSSM(t *testing.T, log *testkit.Buffer, settings map[string]string) (*stack.Stack, ssmtest.Path) {
	t.Helper()
	path := ssmtest.Fresh(t)
	path.Name = keysPath
	t.Cleanup(func() { deleteKeys(t, path) })
	environment := map[string]string{"SSM_ENDPOINT": path.Endpoint, "KEYSET_MAX_AGE": "1"}
	maps.Copy(environment, settings)
	return startStack(t, stack.Options{Log: log, Environment: environment}), path
}

// deleteKeys deletes all parameters below a path.
func deleteKeys(t *testing.T, path ssmtest.Path) {
	t.Helper()
	ctx := context.Background() // the context of the test has ended
	parameters, err := path.Client.ReadBelow(ctx, path.Name)
	if err != nil {
		t.Error(err)
	}
	for name := range parameters {
		if err := path.Client.Delete(ctx, name); err != nil {
			t.Error(err)
		}
	}
}

// manageKeys invokes the function as CloudFormation does, and returns the response that the function sends.
func manageKeys(t *testing.T, api *stack.Stack, requestType string) (status, reason string) {
	t.Helper()
	responses := make(chan map[string]string, 1)
	cloudFormation := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var body map[string]string
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		responses <- body
	}))
	defer cloudFormation.Close()
	invokeRotateKeys(t, api, fmt.Sprintf(`{"RequestType":%q,"ResponseURL":%q,"PhysicalResourceId":%q}`, requestType, cloudFormation.URL, keysPath))
	got := <-responses
	return got["Status"], got["Reason"]
}

func invokeRotateKeys(t *testing.T, api *stack.Stack, event string) {
	t.Helper()
	if _, err := api.Host.Invoke(t.Context(), "RotateKeys", []byte(event)); err != nil {
		t.Fatalf("RotateKeys with %s: %v", event, err)
	}
}

// TestKeysFollowTheStack follows the keys of a stack. Without keys, no function starts, and the log contains the reason. The
// creation of the stack creates them. The daily invocation keeps them. A revocation takes effect at once. The deletion of the
// stack deletes them.
func TestKeysFollowTheStack(t *testing.T) {
	log := &testkit.Buffer{}
	api, path := startWithoutKeys(t, log)
	if got := sendJSON(t, api.URL, "/api/auth/register", registration("founder")); got.Status < 500 {
		t.Errorf("register without keys: got %v, want a server error", got)
	}
	missing := "there is no signing key below " + keysPath
	testkit.Eventually(t, "the log to contain "+missing, func() bool { return strings.Contains(log.String(), missing) })
	if status, reason := manageKeys(t, api, "Create"); status != "SUCCESS" {
		t.Fatalf("creating the keys: got %s %s, want SUCCESS", status, reason)
	}
	tokens := sendJSON(t, api.URL, "/api/auth/register", registration("founder"))
	checkTokens(t, tokens, http.StatusCreated)
	meStatus := func() int {
		return send(t, api.URL, "GET", "/api/auth/me", "", bearer(tokens.Member("access_token"))).Status
	}
	invokeRotateKeys(t, api, `{"action":"rotate"}`)
	if got := meStatus(); got != http.StatusOK {
		t.Errorf("me after the daily invocation: got %d, want 200", got)
	}
	invokeRotateKeys(t, api, `{"action":"revoke","key":"signing/0001"}`)
	testkit.Eventually(t, "me with a token of the revoked key to be 401", func() bool { return meStatus() == http.StatusUnauthorized })
	refreshed := sendJSON(t, api.URL, "/api/auth/refresh", refreshBody(tokens.Member("refresh_token")))
	checkTokens(t, refreshed, http.StatusOK)
	if status, reason := manageKeys(t, api, "Delete"); status != "SUCCESS" {
		t.Fatalf("deleting the keys: got %s %s, want SUCCESS", status, reason)
	}
	if parameters, err := path.Client.ReadBelow(t.Context(), keysPath); err != nil || len(parameters) != 0 {
		t.Errorf("after the deletion: got %d parameters, %v; want none", len(parameters), err)
	}
}

// TestRotationsUnderLoad checks that no valid request is refused while keys are rotated, and that tokens of the first keys are
// still accepted at the end.
func TestRotationsUnderLoad(t *testing.T) {
	log := &testkit.Buffer{}
	api, path := startWithoutKeys(t, log)
	rotator := keyring.NewRotator(path.Client, keysPath, quickSchedule, time.Now, rand.Reader, slog.New(slog.DiscardHandler))
	if err := rotator.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	clients := &clients{t: t, base: api.URL, headers: map[string]bool{}}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var all sync.WaitGroup
	for i := range keyClients {
		all.Go(func() { clients.run(ctx, fmt.Sprint("keyed", i)) })
	}
	for !clients.done() && ctx.Err() == nil {
		if err := rotator.Rotate(ctx); err != nil {
			t.Fatal(err)
		}
		time.Sleep(200 * time.Millisecond)
	}
	all.Wait()
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, `"cause"`) {
			t.Errorf("got the refusal %s, want none", line)
		}
	}
	if got := len(clients.headers); got <= rotations {
		t.Errorf("got tokens of %d keys, want more than %d", got, rotations)
	}
	if err := rotator.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	values, err := path.Client.ReadBelow(t.Context(), keysPath)
	if err != nil {
		t.Fatal(err)
	}
	if first := values[keysPath+"/signing/0001"].Reveal(); first == "" || strings.Contains(first, `"d":`) {
		t.Errorf("the first signing key: got present %v, want only its public part", first != "")
	}
}

// clients send requests that must never be refused.
type clients struct {
	t    *testing.T
	base string

	mu       sync.Mutex
	headers  map[string]bool // of the access tokens received; each key has its own
	requests int
	failed   bool
}

// done reports whether enough keys have signed, or a request has failed.
func (c *clients) done() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.headers) > rotations || c.failed
}

// run registers a user. Until the clients are done, it refreshes, uses the newest and the first access token, and logs in and
// out.
func (c *clients) run(ctx context.Context, name string) {
	tokens := c.send(ctx, "POST", "/api/auth/register", registration(name), http.StatusCreated)
	first := tokens.Member("access_token")
	for !c.done() && ctx.Err() == nil {
		tokens = c.send(ctx, "POST", "/api/auth/refresh", refreshBody(tokens.Member("refresh_token")), http.StatusOK)
		c.note(tokens.Member("access_token"))
		for _, access := range []string{tokens.Member("access_token"), first} {
			c.send(ctx, "GET", "/api/auth/me", "", http.StatusOK, bearer(access))
		}
		second := c.send(ctx, "POST", "/api/auth/login", credentials(name), http.StatusOK)
		// With more than 50 sessions, the oldest would end, which is the one that this client uses.
		c.send(ctx, "POST", "/api/auth/logout", "", http.StatusOK, bearer(second.Member("access_token")))
	}
}

// send makes a request and checks its status.
func (c *clients) send(ctx context.Context, method, path, body string, status int, headers ...string) response {
	if body != "" {
		headers = append(headers, httpclient.JSON)
	}
	got, err := client.Do(ctx, method, c.base+path, body, headers...)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests++
	if err != nil || got.Status != status {
		c.failed = true
		c.t.Errorf("request %d, %s %s: got %v, %v; want %d", c.requests, method, path, got, err, status)
	}
	return got
}

func (c *clients) note(access string) {
	encoded, _, _ := strings.Cut(access, ".")
	header, _ := base64.RawURLEncoding.DecodeString(encoded)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.headers[string(header)] = true
}
