package e2e_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/infra/local/stack"
	"latchkey/infra/testkit/ssmtest"
	"latchkey/pkg/keyring"
	"latchkey/pkg/secret"
)

const (
	keysPath = "/latchkey/local/keys" // of the template, for the local host's stack name

	// keyClients sign in, refresh and ask who they are without a pause while keys change under them.
	keyClients = 4

	// rotations is how often they change.
	rotations = 3
)

// quickSchedule changes the signing key every few seconds. It is published for longer than a function keeps a key set.
var quickSchedule = keyring.Schedule{
	Algorithm: "ES256", Period: 6 * time.Second, Notice: 4 * time.Second, Tick: time.Second, Settle: 2 * time.Second,
	SigningLife: 7 * 24 * time.Hour, DerivingLife: 365 * 24 * time.Hour,
}

// startKeyed starts a stack whose keys are in Systems Manager, where there are none yet: the path is the template's and so the
// same for every test, each of which leaves it empty.
func startKeyed(t *testing.T, log io.Writer) (*stack.Stack, ssmtest.Path) {
	t.Helper()
	path := ssmtest.Fresh(t)
	path.Name = keysPath
	t.Cleanup(func() { empty(t, path) })
	api := startStack(t, stack.Options{Root: moduleRoot(t), Log: log, Environment: map[string]string{
		"SSM_ENDPOINT": path.Endpoint, "KEYSET_MAX_AGE": "1",
	}})
	return api, path
}

// empty deletes what is below a path.
func empty(t *testing.T, path ssmtest.Path) {
	t.Helper()
	ctx := context.Background() // the test's own has ended
	left, err := path.Client.ReadBelow(ctx, path.Name)
	if err != nil {
		t.Error(err)
	}
	for name := range left {
		if err := path.Client.Delete(ctx, name); err != nil {
			t.Error(err)
		}
	}
}

// keysPatience is how long a test waits for what the functions do with their keys, which takes a second or two.
const keysPatience = time.Minute

// manageKeys plays CloudFormation: it sends an event to the function, and returns what it answers.
func manageKeys(t *testing.T, api *stack.Stack, kind string) (status, reason string) {
	t.Helper()
	answers := make(chan map[string]string, 1)
	cloudFormation := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var sent map[string]string
		if err := json.NewDecoder(r.Body).Decode(&sent); err != nil {
			t.Error(err)
		}
		answers <- sent
	}))
	defer cloudFormation.Close()
	event := fmt.Sprintf(`{"RequestType":%q,"ResponseURL":%q,"PhysicalResourceId":%q}`, kind, cloudFormation.URL, keysPath)
	if _, err := api.Host.Invoke(t.Context(), "RotateKeys", []byte(event)); err != nil {
		t.Fatal(err)
	}
	sent := <-answers
	return sent["Status"], sent["Reason"]
}

// TestKeysFollowTheStack: without keys nothing starts, and says why; the creation of the stack makes them, what happens on the
// schedule leaves them, a revocation works at once, and the deletion of the stack takes them along.
func TestKeysFollowTheStack(t *testing.T) {
	output := &logs{}
	api, path := startKeyed(t, output)
	const json = "Content-Type: application/json"
	if got := send(t, api.URL, "POST", "/api/auth/register", registration("founder"), json); got.Status < 500 {
		t.Errorf("without keys: %v", got)
	}
	missing := "there is no signing key below " + keysPath
	for begun := time.Now(); !strings.Contains(output.String(), missing); time.Sleep(10 * time.Millisecond) {
		if time.Since(begun) > keysPatience {
			t.Fatal("the log does not say what is missing")
		}
	}
	if status, reason := manageKeys(t, api, "Create"); status != "SUCCESS" {
		t.Fatalf("creating the keys: %s", reason)
	}
	tokens := send(t, api.URL, "POST", "/api/auth/register", registration("founder"), json)
	checkTokens(t, tokens, http.StatusCreated)
	if _, err := api.Host.Invoke(t.Context(), "RotateKeys", []byte(`{"action":"rotate"}`)); err != nil {
		t.Fatal(err)
	}
	if me := send(t, api.URL, "GET", "/api/auth/me", "", bearer(tokens.Member("access_token"))); me.Status != http.StatusOK {
		t.Errorf("after a day: %v", me)
	}
	if _, err := api.Host.Invoke(t.Context(), "RotateKeys", []byte(`{"action":"revoke","key":"signing/0001"}`)); err != nil {
		t.Fatal(err)
	}
	showing := func() int {
		return send(t, api.URL, "GET", "/api/auth/me", "", bearer(tokens.Member("access_token"))).Status
	}
	for begun := time.Now(); showing() != http.StatusUnauthorized; time.Sleep(50 * time.Millisecond) {
		if time.Since(begun) > keysPatience {
			t.Fatal("a token of a revoked key is accepted")
		}
	}
	refreshed := send(t, api.URL, "POST", "/api/auth/refresh", fmt.Sprintf(`{"refresh_token":%q}`, tokens.Member("refresh_token")), json)
	checkTokens(t, refreshed, http.StatusOK)
	if status, reason := manageKeys(t, api, "Delete"); status != "SUCCESS" {
		t.Fatalf("deleting the keys: %s", reason)
	}
	if left, err := path.Client.ReadBelow(t.Context(), keysPath); err != nil || len(left) != 0 {
		t.Errorf("%d parameters are left, %v", len(left), err)
	}
}

// TestRotationsUnderLoad: while keys change, no honest request is refused, and what the first keys made is good at the end.
func TestRotationsUnderLoad(t *testing.T) {
	output := &logs{}
	api, path := startKeyed(t, output)
	rotator := keyring.NewRotator(path.Client, keysPath, quickSchedule, time.Now, rand.Reader, slog.New(slog.DiscardHandler))
	if err := rotator.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	crowd := &crowd{t: t, base: api.URL, signers: map[string]bool{}}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var all sync.WaitGroup
	for i := range keyClients {
		all.Go(func() { crowd.live(ctx, fmt.Sprint("keyed", i)) })
	}
	for !crowd.done() && ctx.Err() == nil {
		if err := rotator.Rotate(ctx); err != nil {
			t.Fatal(err)
		}
		time.Sleep(200 * time.Millisecond)
	}
	all.Wait()
	for line := range strings.Lines(output.String()) { // what was refused, and why
		if strings.Contains(line, `"cause"`) {
			t.Error(line)
		}
	}
	if got := len(crowd.signers); got <= rotations {
		t.Errorf("%d keys have signed", got)
	}
	if err := rotator.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	values, err := path.Client.ReadBelow(t.Context(), keysPath)
	if err != nil {
		t.Fatal(err)
	}
	checkFirstKey(t, values)
}

// checkFirstKey demands that the first signing key is there and has its public part only.
func checkFirstKey(t *testing.T, values map[string]secret.String) {
	t.Helper()
	first := values[keysPath+"/signing/0001"].Reveal()
	if first == "" || strings.Contains(first, `"d":`) {
		t.Error("the first signing key is gone, or still private")
	}
}

// crowd is clients that must never be refused.
type crowd struct {
	t    *testing.T
	base string

	mu       sync.Mutex
	signers  map[string]bool // kids of the access tokens seen
	requests int
	failed   bool
}

// done says that the keys have changed often enough, or that there is nothing more to learn.
func (c *crowd) done() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.signers) > rotations || c.failed
}

// live registers, and then refreshes, shows its newest and its very first access token, and logs in and out, until the crowd is done.
func (c *crowd) live(ctx context.Context, name string) {
	tokens := c.must(ctx, "POST", "/api/auth/register", registration(name), http.StatusCreated)
	first := tokens.Member("access_token")
	for !c.done() && ctx.Err() == nil {
		tokens = c.must(ctx, "POST", "/api/auth/refresh", fmt.Sprintf(`{"refresh_token":%q}`, tokens.Member("refresh_token")), http.StatusOK)
		c.note(tokens.Member("access_token"))
		for _, access := range []string{tokens.Member("access_token"), first} {
			c.must(ctx, "GET", "/api/auth/me", "", http.StatusOK, bearer(access))
		}
		second := c.must(ctx, "POST", "/api/auth/login", credentials(name), http.StatusOK)
		// Of more than 50 sessions the oldest would give way, and that is this client's.
		c.must(ctx, "POST", "/api/auth/logout", "", http.StatusOK, bearer(second.Member("access_token")))
	}
}

func (c *crowd) must(ctx context.Context, method, path, body string, status int, headers ...string) response {
	if body != "" {
		headers = append(headers, "Content-Type: application/json")
	}
	got, err := try(ctx, c.base, method, path, body, headers...)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests++
	if err != nil || got.Status != status {
		c.failed = true
		c.t.Errorf("request %d, %s %s: %v %v", c.requests, method, path, got, err)
	}
	return got
}

func (c *crowd) note(access string) {
	header, _, _ := strings.Cut(access, ".")
	text, _ := base64.RawURLEncoding.DecodeString(header)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.signers[string(text)] = true
}
