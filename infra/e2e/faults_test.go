package e2e_test

import (
	"fmt"
	"net/http"
	"testing"

	"latchkey/infra/testkit/wiretap"
)

// endpoint is a request that succeeds, the store calls it makes, and how many items of each kind it adds.
type endpoint struct {
	calls   []string
	prepare func(t *testing.T) (send func() response, check func(response))
	status  int
	adds    map[string]int
}

// endpoints are all that call the store.
var endpoints = map[string]endpoint{
	"register": {
		calls: []string{"BatchGetItem", "TransactWriteItems"}, status: http.StatusCreated,
		adds: map[string]int{"U#": 1, "N#": 1, "E#": 1, "S#": 1, "O#": 1},
		prepare: func(t *testing.T) (func() response, func(response)) {
			name := fresh()
			return func() response { return post(t, "/api/auth/register", registration(name)) }, nil
		},
	},
	"login": {
		calls: []string{"GetItem", "GetItem", "UpdateItem", "PutItem"}, status: http.StatusOK, adds: map[string]int{"S#": 1},
		prepare: func(t *testing.T) (func() response, func(response)) {
			name := fresh()
			register(t, name)
			return func() response { return post(t, "/api/auth/login", credentials(name)) }, nil
		},
	},
	"refresh": {
		calls: []string{"GetItem", "UpdateItem"}, status: http.StatusOK,
		prepare: func(t *testing.T) (func() response, func(response)) {
			name := fresh()
			token := post(t, "/api/auth/register", registration(name)).Member("refresh_token")
			return func() response { return refresh(t, token) }, func(got response) {
				if again := refresh(t, got.Member("refresh_token")); again.Status != http.StatusOK {
					t.Errorf("the token given is refused: %s", again.Body)
				}
			}
		},
	},
	"refresh, reused": {
		calls: []string{"GetItem", "UpdateItem", "DeleteItem"}, status: http.StatusForbidden, adds: map[string]int{"S#": -1},
		prepare: func(t *testing.T) (func() response, func(response)) {
			name := fresh()
			token := post(t, "/api/auth/register", registration(name)).Member("refresh_token")
			refresh(t, refresh(t, token).Member("refresh_token"))
			return func() response { return refresh(t, token) }, nil
		},
	},
	"logout of two sessions": {
		calls: []string{"BatchGetItem", "DeleteItem", "DeleteItem"}, status: http.StatusOK, adds: map[string]int{"S#": -2},
		prepare: func(t *testing.T) (func() response, func(response)) {
			name := fresh()
			token := register(t, name)
			cookie := cookieLogin(t, name)
			return func() response { return post(t, "/api/auth/logout", "", bearer(token), cookie) }, nil
		},
	},
	"send-verification": {
		calls: []string{"PutItem"}, status: http.StatusCreated, adds: map[string]int{"O#": 1},
		prepare: func(t *testing.T) (func() response, func(response)) {
			return func() response { return post(t, "/api/auth/send-verification", asEmail("nobody")) }, nil
		},
	},
	"logout": {
		calls: []string{"BatchGetItem", "DeleteItem"}, status: http.StatusOK, adds: map[string]int{"S#": -1},
		prepare: func(t *testing.T) (func() response, func(response)) {
			token := register(t, fresh())
			return func() response { return post(t, "/api/auth/logout", "", bearer(token)) }, nil
		},
	},
	"session/login": {
		calls: []string{"GetItem", "GetItem", "UpdateItem", "PutItem"}, status: http.StatusOK, adds: map[string]int{"S#": 1},
		prepare: func(t *testing.T) (func() response, func(response)) {
			name := fresh()
			register(t, name)
			return func() response { return post(t, "/api/auth/session/login", credentials(name)) }, nil
		},
	},
	"session/logout": {
		calls: []string{"BatchGetItem", "DeleteItem"}, status: http.StatusOK, adds: map[string]int{"S#": -1},
		prepare: func(t *testing.T) (func() response, func(response)) {
			name := fresh()
			register(t, name)
			cookie := cookieLogin(t, name)
			return func() response { return post(t, "/api/auth/session/logout", "", cookie) }, nil
		},
	},
	"me by cookie, renewal due": {
		calls: []string{"BatchGetItem", "UpdateItem"}, status: http.StatusOK,
		prepare: func(t *testing.T) (func() response, func(response)) {
			name := fresh()
			register(t, name)
			cookie := cookieLogin(t, name)
			age(t, cookie)
			return func() response { return post(t, "/api/auth/me", "", cookie) }, func(got response) {
				if got.Header.Get("Set-Cookie") == "" {
					t.Error("the cookie was not renewed")
				}
			}
		},
	},
	"me": {
		calls: []string{"BatchGetItem"}, status: http.StatusOK,
		prepare: func(t *testing.T) (func() response, func(response)) {
			token := register(t, fresh())
			return func() response { return post(t, "/api/auth/me", "", bearer(token)) }, nil
		},
	},
	"oauth start": {
		calls: []string{"PutItem"}, status: http.StatusFound, adds: map[string]int{"A#": 1},
		prepare: func(t *testing.T) (func() response, func(response)) {
			return func() response { return startFlow(t, "github").response }, nil
		},
	},
	"oauth callback, known": {
		calls: []string{"UpdateItem", "GetItem", "GetItem", "UpdateItem", "PutItem"}, status: http.StatusOK, adds: map[string]int{"S#": 1},
		prepare: func(t *testing.T) (func() response, func(response)) {
			person := newPerson(t)
			person.callback(t)
			return person.prepared(t), nil
		},
	},
	"oauth callback, new": {
		calls: []string{"UpdateItem", "GetItem", "BatchGetItem", "TransactWriteItems"}, status: http.StatusOK,
		adds:    map[string]int{"U#": 2, "N#": 1, "E#": 1, "I#": 1, "S#": 1},
		prepare: func(t *testing.T) (func() response, func(response)) { return newPerson(t).prepared(t), nil },
	},
	"oauth callback, linking": {
		calls: []string{"UpdateItem", "GetItem", "BatchGetItem", "GetItem", "TransactWriteItems"}, status: http.StatusOK,
		adds:    map[string]int{"U#": 1, "I#": 1, "S#": 1, "O#": 1},
		prepare: func(t *testing.T) (func() response, func(response)) { return registeredPerson(t).prepared(t), nil },
	},
	"me by GET": {
		calls: []string{"BatchGetItem"}, status: http.StatusOK,
		prepare: func(t *testing.T) (func() response, func(response)) {
			token := register(t, fresh())
			return func() response { return send(t, shared.URL, "GET", "/api/auth/me", "", bearer(token)) }, nil
		},
	},
	"forgot-password": {
		calls: []string{"PutItem"}, status: http.StatusCreated, adds: map[string]int{"O#": 1},
		prepare: func(t *testing.T) (func() response, func(response)) {
			return func() response { return post(t, "/api/auth/forgot-password", asEmail("nobody")) }, nil
		},
	},
	"verify-email": {
		calls: []string{"BatchGetItem", "TransactWriteItems"}, status: http.StatusOK,
		prepare: func(t *testing.T) (func() response, func(response)) {
			path := "/api/auth/verify-email/" + delivered(t, "verify")
			return func() response { return send(t, shared.URL, "GET", path, "") }, nil
		},
	},
	"reset-password": {
		calls: []string{"GetItem", "GetItem", "TransactWriteItems"}, status: http.StatusOK, adds: map[string]int{"O#": 1},
		prepare: func(t *testing.T) (func() response, func(response)) {
			token := delivered(t, "reset")
			return func() response { return reset(t, token, "NewSecurePass456!") }, nil
		},
	},
	"verify-email page": {
		calls: []string{"BatchGetItem", "GetItem"}, status: http.StatusOK,
		prepare: func(t *testing.T) (func() response, func(response)) {
			path := "/account/verify-email/" + delivered(t, "verify")
			return func() response { return page(t, "GET", path, "") }, nil
		},
	},
	"verify-email form": {
		calls: []string{"BatchGetItem", "TransactWriteItems"}, status: http.StatusOK,
		prepare: func(t *testing.T) (func() response, func(response)) {
			path := "/account/verify-email/" + delivered(t, "verify")
			return func() response { return page(t, "POST", path, "action=verify") }, nil
		},
	},
	"reset-password page": {
		calls: []string{"GetItem", "GetItem"}, status: http.StatusOK,
		prepare: func(t *testing.T) (func() response, func(response)) {
			path := "/account/reset-password/" + delivered(t, "reset")
			return func() response { return page(t, "GET", path, "") }, nil
		},
	},
	"reset-password form": {
		calls: []string{"GetItem", "GetItem", "TransactWriteItems"}, status: http.StatusOK, adds: map[string]int{"O#": 1},
		prepare: func(t *testing.T) (func() response, func(response)) {
			path := "/account/reset-password/" + delivered(t, "reset")
			return func() response { return page(t, "POST", path, "new_password=NewSecurePass456!") }, nil
		},
	},
	"health": {
		calls: []string{"GetItem"}, status: http.StatusOK,
		prepare: func(t *testing.T) (func() response, func(response)) {
			return func() response { return send(t, shared.URL, "GET", "/api/auth/health", "") }, nil
		},
	},
}

// delivered registers a user and returns the token of a mailed link. The mailer, which quiet holds, delivers meanwhile.
func delivered(t *testing.T, purpose string) string {
	t.Helper()
	shared.mail.open.Unlock()
	defer shared.mail.open.Lock()
	name := fresh()
	if purpose == "reset" {
		return mailedReset(t, name)
	}
	register(t, name)
	return awaitMail(t, shared.MailURL, name+"@example.com", 1).token(t)
}

var named int

// fresh is a name that no test has used.
func fresh() string {
	named++
	return fmt.Sprintf("fresh%d", named)
}

// TestAPassingFaultOfTheStoreIsNotNoticed injects every fault once into every store call of every endpoint: the client sees a
// success, and the tables hold its effect once.
func TestAPassingFaultOfTheStoreIsNotNoticed(t *testing.T) {
	quiet(t)
	covered := coverage{}
	for name, endpoint := range endpoints {
		for i, operation := range endpoint.calls {
			for faultName, fault := range wiretap.FaultsOf(operation) {
				t.Run(fmt.Sprintf("%s/%d %s/%s", name, i, operation, faultName), func(t *testing.T) {
					defer shared.tap.Reset()
					send, check := endpoint.prepare(t)
					before := kinds(t)
					shared.tap.Reset()
					shared.tap.Inject(operation, earlier(endpoint.calls[:i], operation), 1, fault)
					var got response
					covered.note(func() { got = send() })
					if got.Status != endpoint.status {
						t.Fatalf("the answer is %v", got)
					}
					for prefix, items := range kinds(t) {
						if added := items - before[prefix]; added != endpoint.adds[prefix] {
							t.Errorf("%d items %s were added", added, prefix)
						}
					}
					if check != nil {
						check(got)
					}
				})
			}
		}
	}
	covered.require(t, "add its row to infra/e2e/faults_test.go", withoutStore(t))
}

// earlier counts the calls of operation before the one that shall fail.
func earlier(calls []string, operation string) int {
	n := 0
	for _, call := range calls {
		if call == operation {
			n++
		}
	}
	return n
}

// kinds counts the items of both tables by the prefix of their key, counters apart.
func kinds(t *testing.T) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for _, key := range sharedTables().Keys(t) {
		if kind := key[:2]; kind != "R#" {
			counts[kind]++
		}
	}
	return counts
}
