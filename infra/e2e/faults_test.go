package e2e_test

import (
	"fmt"
	"net/http"
	"testing"

	"latchkey/infra/testkit/wiretap"
)

// faultCase is a request that succeeds.
type faultCase struct {
	calls   []string // its store calls
	prepare func(t *testing.T) (send func() response, check func(response))
	status  int
	adds    map[string]int // the items that it adds, by the prefix of their key
}

// faultCases contains every endpoint that calls the store.
var faultCases = map[string]faultCase{
	"register": {
		calls: []string{"BatchGetItem", "TransactWriteItems"}, status: http.StatusCreated,
		adds: map[string]int{"U#": 1, "N#": 1, "E#": 1, "S#": 1, "O#": 1},
		prepare: func(t *testing.T) (func() response, func(response)) {
			name := uniqueName("fault")
			return func() response { return post(t, "/api/auth/register", registration(name)) }, nil
		},
	},
	"login": {
		calls: []string{"GetItem", "GetItem", "UpdateItem", "PutItem"}, status: http.StatusOK, adds: map[string]int{"S#": 1},
		prepare: func(t *testing.T) (func() response, func(response)) {
			name := uniqueName("fault")
			register(t, name)
			return func() response { return post(t, "/api/auth/login", credentials(name)) }, nil
		},
	},
	"refresh": {
		calls: []string{"GetItem", "UpdateItem"}, status: http.StatusOK,
		prepare: func(t *testing.T) (func() response, func(response)) {
			token := post(t, "/api/auth/register", registration(uniqueName("fault"))).Member("refresh_token")
			return func() response { return refresh(t, token) }, func(got response) {
				if again := refresh(t, got.Member("refresh_token")); again.Status != http.StatusOK {
					t.Errorf("the new refresh token: got %v, want 200", again)
				}
			}
		},
	},
	"refresh, reused": {
		calls: []string{"GetItem", "UpdateItem", "DeleteItem"}, status: http.StatusForbidden, adds: map[string]int{"S#": -1},
		prepare: func(t *testing.T) (func() response, func(response)) {
			token := post(t, "/api/auth/register", registration(uniqueName("fault"))).Member("refresh_token")
			refresh(t, refresh(t, token).Member("refresh_token"))
			return func() response { return refresh(t, token) }, nil
		},
	},
	"logout of two sessions": {
		calls: []string{"BatchGetItem", "DeleteItem", "DeleteItem"}, status: http.StatusOK, adds: map[string]int{"S#": -2},
		prepare: func(t *testing.T) (func() response, func(response)) {
			name := uniqueName("fault")
			token := register(t, name)
			cookie := cookieLogin(t, name)
			return func() response { return post(t, "/api/auth/logout", "", bearer(token), cookie) }, nil
		},
	},
	"send-verification": {
		calls: []string{"PutItem"}, status: http.StatusCreated, adds: map[string]int{"O#": 1},
		prepare: func(t *testing.T) (func() response, func(response)) {
			return func() response { return post(t, "/api/auth/send-verification", emailBody(uniqueName("unknown"))) }, nil
		},
	},
	"logout": {
		calls: []string{"BatchGetItem", "DeleteItem"}, status: http.StatusOK, adds: map[string]int{"S#": -1},
		prepare: func(t *testing.T) (func() response, func(response)) {
			token := register(t, uniqueName("fault"))
			return func() response { return post(t, "/api/auth/logout", "", bearer(token)) }, nil
		},
	},
	"session/login": {
		calls: []string{"GetItem", "GetItem", "UpdateItem", "PutItem"}, status: http.StatusOK, adds: map[string]int{"S#": 1},
		prepare: func(t *testing.T) (func() response, func(response)) {
			name := uniqueName("fault")
			register(t, name)
			return func() response { return post(t, "/api/auth/session/login", credentials(name)) }, nil
		},
	},
	"session/logout": {
		calls: []string{"BatchGetItem", "DeleteItem"}, status: http.StatusOK, adds: map[string]int{"S#": -1},
		prepare: func(t *testing.T) (func() response, func(response)) {
			name := uniqueName("fault")
			register(t, name)
			cookie := cookieLogin(t, name)
			return func() response { return post(t, "/api/auth/session/logout", "", cookie) }, nil
		},
	},
	"me by cookie, renewal due": {
		calls: []string{"BatchGetItem", "UpdateItem"}, status: http.StatusOK,
		prepare: func(t *testing.T) (func() response, func(response)) {
			name := uniqueName("fault")
			register(t, name)
			cookie := cookieLogin(t, name)
			makeRenewalDue(t, cookie)
			return func() response { return post(t, "/api/auth/me", "", cookie) }, func(got response) {
				if got.Header.Get("Set-Cookie") == "" {
					t.Error("got no Set-Cookie header, want the renewed cookie")
				}
			}
		},
	},
	"me": {
		calls: []string{"BatchGetItem"}, status: http.StatusOK,
		prepare: func(t *testing.T) (func() response, func(response)) {
			token := register(t, uniqueName("fault"))
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
			person.signIn(t)
			return person.prepareCallback(t), nil
		},
	},
	"oauth callback, new": {
		calls: []string{"UpdateItem", "GetItem", "BatchGetItem", "TransactWriteItems"}, status: http.StatusOK,
		adds:    map[string]int{"U#": 2, "N#": 1, "E#": 1, "I#": 1, "S#": 1},
		prepare: func(t *testing.T) (func() response, func(response)) { return newPerson(t).prepareCallback(t), nil },
	},
	"oauth callback, linking": {
		calls: []string{"UpdateItem", "GetItem", "BatchGetItem", "GetItem", "TransactWriteItems"}, status: http.StatusOK,
		adds: map[string]int{"U#": 1, "I#": 1, "S#": 1, "O#": 1},
		prepare: func(t *testing.T) (func() response, func(response)) {
			return registeredPerson(t).prepareCallback(t), nil
		},
	},
	"me by GET": {
		calls: []string{"BatchGetItem"}, status: http.StatusOK,
		prepare: func(t *testing.T) (func() response, func(response)) {
			token := register(t, uniqueName("fault"))
			return func() response { return me(t, bearer(token)) }, nil
		},
	},
	"forgot-password": {
		calls: []string{"PutItem"}, status: http.StatusCreated, adds: map[string]int{"O#": 1},
		prepare: func(t *testing.T) (func() response, func(response)) {
			return func() response { return post(t, "/api/auth/forgot-password", emailBody(uniqueName("unknown"))) }, nil
		},
	},
	"verify-email": {
		calls: []string{"BatchGetItem", "TransactWriteItems"}, status: http.StatusOK,
		prepare: func(t *testing.T) (func() response, func(response)) {
			path := "/api/auth/verify-email/" + deliver(t, mailedVerificationToken)
			return func() response { return get(t, path) }, nil
		},
	},
	"reset-password": {
		calls: []string{"GetItem", "GetItem", "TransactWriteItems"}, status: http.StatusOK, adds: map[string]int{"O#": 1},
		prepare: func(t *testing.T) (func() response, func(response)) {
			token := deliver(t, mailedResetToken)
			return func() response { return resetPassword(t, token, newPassword) }, nil
		},
	},
	"verify-email page": {
		calls: []string{"BatchGetItem", "GetItem"}, status: http.StatusOK,
		prepare: func(t *testing.T) (func() response, func(response)) {
			path := "/account/verify-email/" + deliver(t, mailedVerificationToken)
			return func() response { return page(t, "GET", path, "") }, nil
		},
	},
	"verify-email form": {
		calls: []string{"BatchGetItem", "TransactWriteItems"}, status: http.StatusOK,
		prepare: func(t *testing.T) (func() response, func(response)) {
			path := "/account/verify-email/" + deliver(t, mailedVerificationToken)
			return func() response { return page(t, "POST", path, "action=verify") }, nil
		},
	},
	"reset-password page": {
		calls: []string{"GetItem", "GetItem"}, status: http.StatusOK,
		prepare: func(t *testing.T) (func() response, func(response)) {
			path := "/account/reset-password/" + deliver(t, mailedResetToken)
			return func() response { return page(t, "GET", path, "") }, nil
		},
	},
	"reset-password form": {
		calls: []string{"GetItem", "GetItem", "TransactWriteItems"}, status: http.StatusOK, adds: map[string]int{"O#": 1},
		prepare: func(t *testing.T) (func() response, func(response)) {
			path := "/account/reset-password/" + deliver(t, mailedResetToken)
			return func() response { return page(t, "POST", path, "new_password="+newPassword) }, nil
		},
	},
	"health": {
		calls: []string{"GetItem"}, status: http.StatusOK,
		prepare: func(t *testing.T) (func() response, func(response)) {
			return func() response { return get(t, "/api/auth/health") }, nil
		},
	},
}

// TestAPassingFaultOfTheStoreIsNotNoticed injects each fault once into each store call of each endpoint. The client must get
// the response of a success, and the tables must contain its effect exactly once.
func TestAPassingFaultOfTheStoreIsNotNoticed(t *testing.T) {
	pauseMailer(t)
	covered := coverage{}
	for name, test := range faultCases {
		for i, operation := range test.calls {
			for faultName, fault := range wiretap.FaultsOf(operation) {
				t.Run(fmt.Sprintf("%s/%d %s/%s", name, i, operation, faultName), func(t *testing.T) {
					defer shared.Tap.Reset()
					send, check := test.prepare(t)
					before := countItems(t)
					shared.Tap.Reset()
					shared.Tap.Inject(operation, count(test.calls[:i], operation), 1, fault)
					var got response
					covered.note(func() { got = send() })
					if got.Status != test.status {
						t.Fatalf("got %v, want %d", got, test.status)
					}
					for prefix, items := range countItems(t) {
						if added := items - before[prefix]; added != test.adds[prefix] {
							t.Errorf("items %s: got %d more than before, want %d", prefix, added, test.adds[prefix])
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

// deliver calls do while the mailer, which is paused, delivers mails.
func deliver(t *testing.T, do func(*testing.T) string) string {
	t.Helper()
	shared.Deliveries.Resume()
	defer shared.Deliveries.Pause()
	return do(t)
}

// mailedVerificationToken registers a user and returns the token of the mailed link.
func mailedVerificationToken(t *testing.T) string {
	t.Helper()
	name := uniqueName("verify")
	register(t, name)
	return awaitMail(t, name, 1).token(t)
}

// count returns how often operation is among calls.
func count(calls []string, operation string) int {
	n := 0
	for _, call := range calls {
		if call == operation {
			n++
		}
	}
	return n
}
