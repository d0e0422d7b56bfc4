package e2e_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"latchkey/infra/local/stack"
	"latchkey/infra/testkit"
	"latchkey/pkg/secret"
)

// The keys of two proxies, or of one proxy before and after a rotation.
const (
	firstClientKey  = "the-first-client-key-of-the-e2e-tests"
	secondClientKey = "the-second-client-key-of-the-e2e-tests"
)

// proxy sends requests from one address on behalf of its clients. The key is empty for a client that forges the address.
type proxy struct{ url, key string }

// clientAddress returns the address of the nth client.
func clientAddress(n int) string { return fmt.Sprintf("10.0.%d.%d", n/256, n%256) }

// forgot requests a mail for a client. Each request names another mailbox.
func (p proxy) forgot(t *testing.T, client string) response {
	t.Helper()
	return p.post(t, client, "/api/auth/forgot-password", emailBody(uniqueName("unknown")))
}

// login fails to sign in for a client. Each request names another account.
func (p proxy) login(t *testing.T, client string) response {
	t.Helper()
	return p.post(t, client, "/api/auth/login", wrongCredentials(uniqueName("unknown")))
}

func (p proxy) post(t *testing.T, client, path, body string) response {
	t.Helper()
	headers := []string{"Latchkey-Client-Address: " + client}
	if p.key != "" {
		headers = append(headers, "Latchkey-Client-Key: "+p.key)
	}
	return sendJSON(t, p.url, path, body, headers...)
}

// TestClientsOfAProxyCountSeparately checks that 60 clients behind the address of a proxy get 60 logins and 60 mails a minute, that each
// of them still has its own limit, and that the logs contain no key.
func TestClientsOfAProxyCountSeparately(t *testing.T) {
	log := &testkit.Buffer{}
	api := startStack(t, stack.Options{Log: log, Environment: map[string]string{
		"RATE_LIMIT_FACTOR": "1", "CLIENT_KEYS": firstClientKey + "," + secondClientKey,
	}})
	trusted := proxy{api.URL, firstClientKey}
	const clients = 60
	for n := range clients {
		if got := trusted.login(t, clientAddress(n)); got.Status != http.StatusForbidden {
			t.Errorf("login of client %d: got %v, want 403", n, got)
		}
		if got := trusted.forgot(t, clientAddress(n)); got.Status != http.StatusCreated {
			t.Errorf("forgot-password of client %d: got %v, want 201", n, got)
		}
	}
	// One client uses up its own limit, through either proxy and with either spelling of its address.
	accepted := 0
	for n := range 3 * criticalLimit {
		client := []string{"198.51.100.1", "::ffff:198.51.100.1"}[n%2]
		if got := (proxy{api.URL, []string{firstClientKey, secondClientKey}[n%2]}).forgot(t, client); got.Status == http.StatusCreated {
			accepted++
		}
	}
	if accepted < criticalLimit || accepted > 2*criticalLimit { // more than once if a minute ends meanwhile
		t.Errorf("one client: got %d of %d requests accepted, want %d", accepted, 3*criticalLimit, criticalLimit)
	}
	api.Close() // all log lines are written before it returns
	for _, key := range []string{firstClientKey, secondClientKey} {
		if strings.Contains(log.String(), key) {
			t.Errorf("the logs contain the key %s", key)
		}
	}
}

// TestAForgedClientAddressOpensNoBucket checks that a client with a missing or wrong key, or with a right one and an unusable
// address, has the one limit of its own address, however many addresses it names.
func TestAForgedClientAddressOpensNoBucket(t *testing.T) {
	const requests = 4 * criticalLimit
	options := stack.Options{DataDir: t.TempDir(), Fresh: true} // the stacks share the built functions, but no tables
	for name, test := range map[string]struct {
		clientKeys string // of the stack
		key        string
		address    func(n int) string
	}{
		"no key":              {firstClientKey, "", clientAddress},
		"a wrong key":         {firstClientKey, secondClientKey, clientAddress},
		"a key, but none set": {"", firstClientKey, clientAddress},
		"an unusable address": {firstClientKey, firstClientKey, func(n int) string {
			return []string{clientAddress(n) + ", " + clientAddress(n+1), clientAddress(n) + ":80", fmt.Sprint(n), "fe80::1%" + fmt.Sprint(n)}[n%4]
		}},
	} {
		t.Run(name, func(t *testing.T) {
			options.Environment = map[string]string{"RATE_LIMIT_FACTOR": "1", "CLIENT_KEYS": test.clientKeys}
			api := startStack(t, options)
			forger := proxy{api.URL, test.key}
			for endpoint, request := range map[string]func(*testing.T, string) response{"login": forger.login, "forgot-password": forger.forgot} {
				refused := 0
				for n := range requests {
					if request(t, test.address(n)).Status == http.StatusTooManyRequests {
						refused++
					}
				}
				if want := requests - criticalLimit; refused > want || refused < want-criticalLimit { // fewer if a minute ends meanwhile
					t.Errorf("%s: got %d of %d requests refused, want %d", endpoint, refused, requests, want)
				}
			}
		})
	}
}

// TestRotationOfAClientKey changes the parameter in Systems Manager while the functions run, as the runbook describes: the new key
// is added, the proxies change, and the old key is removed.
func TestRotationOfAClientKey(t *testing.T) {
	const parameter = keysPath + "-of-clients"
	api, path := startWithSSM(t, &testkit.Buffer{}, map[string]string{"RATE_LIMIT_FACTOR": "1", "CLIENT_KEYS_PARAMETER": parameter})
	store := func(list string) {
		t.Helper()
		if err := path.Client.Replace(t.Context(), parameter, secret.New(list)); err != nil {
			t.Fatal(err)
		}
	}
	if status, reason := manageKeys(t, api, "Create"); status != "SUCCESS" {
		t.Fatalf("creating the keys: got %s %s, want SUCCESS", status, reason)
	}
	clients := 0
	// trusted sends requests for two new clients. They have separate limits only if the key is trusted.
	trusted := func(key string) bool {
		clients += 2
		first := proxy{api.URL, key}.forgot(t, clientAddress(clients))
		second := proxy{api.URL, key}.forgot(t, clientAddress(clients+1))
		remaining := strconv.Itoa(criticalLimit - 1)
		return first.Header.Get("RateLimit-Remaining") == remaining && second.Header.Get("RateLimit-Remaining") == remaining
	}
	store(firstClientKey)
	if !trusted(firstClientKey) || trusted(secondClientKey) {
		t.Error("before the rotation: want the first key trusted, and the second refused")
	}
	// Each process of a function reads the parameter itself, so the processes follow one after the other.
	store(firstClientKey + "," + secondClientKey)
	testkit.Eventually(t, "the second key to be trusted", func() bool {
		if !trusted(firstClientKey) {
			t.Fatal("during the rotation: got the first key refused, want it trusted")
		}
		return trusted(secondClientKey)
	})
	store(secondClientKey)
	testkit.Eventually(t, "the first key to be refused, and the second to be trusted", func() bool {
		return !trusted(firstClientKey) && trusted(secondClientKey)
	})
}
