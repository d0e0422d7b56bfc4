package e2e_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"latchkey/infra/testkit/wiretap"
	"latchkey/pkg/id"
)

// TestBudgets checks the store calls and capacity units of each endpoint for the payload of the guide, counted between the
// function and the engine. The calls of the rate limits are counted separately, in TestWhatLimitsCost.
func TestBudgets(t *testing.T) {
	name := uniqueName("budget")
	token := register(t, name)
	verification := awaitMail(t, name, 1).token(t)
	resetToken, pageToken, formToken := mailedResetToken(t), mailedResetToken(t), mailedResetToken(t)
	resetPassword(t, "none", newPassword)
	knownPerson := newPerson(t)
	knownPerson.signIn(t)
	pauseMailer(t)
	warmUp(t, name, token)
	loginToken := func(member string) string { // a token of a new session
		token := post(t, "/api/auth/login", credentials(name)).Member(member)
		shared.Tap.Reset()
		return token
	}
	newCookie := func() string {
		cookie := cookieLogin(t, name)
		shared.Tap.Reset()
		return cookie
	}
	oldCookie := func() string {
		cookie := newCookie()
		makeRenewalDue(t, cookie)
		return cookie
	}
	reusedToken := loginToken("refresh_token")
	refresh(t, refresh(t, reusedToken).Member("refresh_token"))
	endedToken := loginToken("access_token")
	post(t, "/api/auth/logout", "", bearer(endedToken))
	callbackPath := "/api/auth/oauth/github/callback?code=x&state=" + unknownState
	tests := map[string]struct {
		request func() response
		status  int
		want    string
	}{
		"register": {func() response { return post(t, "/api/auth/register", guideRegistration(uniqueName("budget"))) },
			http.StatusCreated, "UpdateItem BatchGetItem TransactWriteItems r2 w11"},
		"register, taken": {func() response { return post(t, "/api/auth/register", registration(name)) },
			http.StatusForbidden, "UpdateItem BatchGetItem r2 w1"},
		"login":            {func() response { return post(t, "/api/auth/login", credentials(name)) }, http.StatusOK, "BatchGetItem GetItem UpdateItem UpdateItem PutItem r3 w3"},
		"login by address": {func() response { return post(t, "/api/auth/login", credentials(email(name))) }, http.StatusOK, "BatchGetItem GetItem UpdateItem UpdateItem PutItem r3 w3"},
		"login, wrong":     {func() response { return post(t, "/api/auth/login", wrongCredentials(name)) }, http.StatusForbidden, "BatchGetItem GetItem UpdateItem UpdateItem r3 w2"},
		"login, unknown":   {func() response { return post(t, "/api/auth/login", credentials(uniqueName("unknown"))) }, http.StatusForbidden, "BatchGetItem GetItem UpdateItem UpdateItem r3 w2"},
		"refresh":          {func() response { return refresh(t, loginToken("refresh_token")) }, http.StatusOK, "GetItem UpdateItem r1 w1"},
		// The refused UpdateItem costs one more unit in AWS, which no local engine reports.
		"refresh, reused": {func() response { return refresh(t, reusedToken) }, http.StatusForbidden, "GetItem UpdateItem DeleteItem r1 w1"},
		"refresh, forged": {func() response { return refresh(t, changeLetter(loginToken("refresh_token"), 4)) }, http.StatusForbidden, " r0 w0"},
		"logout": {func() response { return post(t, "/api/auth/logout", "", bearer(loginToken("access_token"))) },
			http.StatusOK, "BatchGetItem DeleteItem r2 w1"},
		"logout, repeated": {func() response { return post(t, "/api/auth/logout", "", bearer(endedToken)) }, http.StatusUnauthorized, "BatchGetItem r2 w0"},
		"session/login": {func() response { return post(t, "/api/auth/session/login", credentials(name)) },
			http.StatusOK, "BatchGetItem GetItem UpdateItem UpdateItem PutItem r3 w3"},
		"session/login by address": {func() response { return post(t, "/api/auth/session/login", credentials(email(name))) },
			http.StatusOK, "BatchGetItem GetItem UpdateItem UpdateItem PutItem r3 w3"},
		"session/login, wrong": {func() response { return post(t, "/api/auth/session/login", wrongCredentials(name)) },
			http.StatusForbidden, "BatchGetItem GetItem UpdateItem UpdateItem r3 w2"},
		"session/logout": {func() response { return post(t, "/api/auth/session/logout", "", newCookie()) },
			http.StatusOK, "BatchGetItem DeleteItem r2 w1"},
		"me by cookie":              {func() response { return post(t, "/api/auth/me", "", newCookie()) }, http.StatusOK, "BatchGetItem r2 w0"},
		"me by cookie, renewal due": {func() response { return post(t, "/api/auth/me", "", oldCookie()) }, http.StatusOK, "BatchGetItem UpdateItem r2 w1"},
		"me by both":                {func() response { return post(t, "/api/auth/me", "", bearer(token), newCookie()) }, http.StatusOK, "BatchGetItem r3 w0"},
		"send-verification":         {func() response { return post(t, "/api/auth/send-verification", emailBody(name)) }, http.StatusCreated, "UpdateItem PutItem r0 w2"},
		"forgot-password":           {func() response { return post(t, "/api/auth/forgot-password", emailBody(uniqueName("unknown"))) }, http.StatusCreated, "UpdateItem PutItem r0 w2"},
		"verify-email": {func() response { return get(t, "/api/auth/verify-email/"+verification) },
			http.StatusOK, "BatchGetItem TransactWriteItems r1 w4"},
		"verify-email, with a credential": {func() response { return get(t, "/api/auth/verify-email/"+verification, bearer(token)) },
			http.StatusOK, "BatchGetItem TransactWriteItems r3 w4"},
		"reset-password":         {func() response { return resetPassword(t, resetToken, newPassword) }, http.StatusOK, "UpdateItem GetItem GetItem TransactWriteItems r2 w7"},
		"reset-password, forged": {func() response { return resetPassword(t, changeLetter(resetToken, 0), newPassword) }, http.StatusForbidden, "UpdateItem r0 w1"},
		"verify-email page": {func() response { return page(t, "GET", "/account/verify-email/"+verification, "") },
			http.StatusOK, "BatchGetItem GetItem r2 w0"},
		"verify-email form": {func() response { return page(t, "POST", "/account/verify-email/"+verification, "action=verify") },
			http.StatusOK, "UpdateItem BatchGetItem TransactWriteItems r1 w5"},
		"reset-password page": {func() response { return page(t, "GET", "/account/reset-password/"+pageToken, "") },
			http.StatusOK, "GetItem GetItem r2 w0"},
		"reset-password form": {func() response {
			return page(t, "POST", "/account/reset-password/"+formToken, "new_password="+newPassword)
		},
			http.StatusOK, "UpdateItem GetItem GetItem TransactWriteItems r2 w7"},
		"health":      {func() response { return get(t, "/api/auth/health") }, http.StatusOK, " r0 w0"}, // its read of half a unit is left out
		"discovery":   {func() response { return get(t, discoveryPath) }, http.StatusOK, " r0 w0"},
		"jwks":        {func() response { return get(t, jwksPath) }, http.StatusOK, " r0 w0"},
		"me":          {func() response { return post(t, "/api/auth/me", "", bearer(token)) }, http.StatusOK, "BatchGetItem r2 w0"},
		"me by GET":   {func() response { return me(t, bearer(token)) }, http.StatusOK, "BatchGetItem r2 w0"},
		"oauth start": {func() response { return startFlow(t, "github").response }, http.StatusFound, "PutItem r0 w1"},
		"oauth callback, known": {func() response { return knownPerson.signIn(t) }, http.StatusOK,
			"UpdateItem GetItem GetItem UpdateItem PutItem r2 w3"},
		"oauth callback, new": {func() response { return newPerson(t).signIn(t) }, http.StatusOK,
			"UpdateItem GetItem BatchGetItem TransactWriteItems r3 w13"},
		"oauth callback, linking": {func() response { return registeredPerson(t).proveAddress(t).signIn(t) }, http.StatusOK,
			"UpdateItem GetItem BatchGetItem GetItem TransactWriteItems r4 w9"},
		"oauth callback, linking with a notice": {func() response { return registeredPerson(t).signIn(t) }, http.StatusOK,
			"UpdateItem GetItem BatchGetItem GetItem TransactWriteItems r4 w11"},
		"oauth callback, no cookie": {func() response { return get(t, callbackPath) }, http.StatusForbidden, " r0 w0"},
		"oauth callback, another browser's": {func() response { return get(t, callbackPath, "Cookie: oauth_binding="+unknownState) },
			http.StatusForbidden, "UpdateItem r0 w0"}, // and one unit in AWS, as above
		"me, forged":        {func() response { return post(t, "/api/auth/me", "", bearer(changeLetter(token, len(token)-2))) }, http.StatusUnauthorized, " r0 w0"},
		"login, no JSON":    {func() response { return post(t, "/api/auth/login", `{`) }, http.StatusBadRequest, " r0 w0"},
		"register, no JSON": {func() response { return post(t, "/api/auth/register", `{`) }, http.StatusBadRequest, "UpdateItem r0 w1"},
		"not found":         {func() response { return post(t, "/nowhere", `{}`) }, http.StatusNotFound, " r0 w0"},
	}
	covered := coverage{}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			shared.Tap.Reset()
			var got response
			covered.note(func() { got = test.request() })
			if got.Status != test.status {
				t.Fatalf("got %v, want %d", got, test.status)
			}
			if got := spent(); got != test.want {
				t.Errorf("got the calls %q, want %q", got, test.want)
			}
		})
	}
	covered.require(t, "add its budget to infra/e2e/endpoints_test.go", noneExempt)
}

// mailedResetToken registers a user and returns the token of a mailed reset link.
func mailedResetToken(t *testing.T) string {
	t.Helper()
	name := uniqueName("reset")
	register(t, name)
	awaitMail(t, name, 1)
	post(t, "/api/auth/forgot-password", emailBody(name))
	return awaitMail(t, name, 2).token(t)
}

// warmUp starts a process of each function, so that the store call at its start is not counted.
func warmUp(t *testing.T, name, token string) {
	t.Helper()
	post(t, "/api/auth/login", credentials(name))
	post(t, "/api/auth/me", "", bearer(token))
	post(t, "/api/auth/logout", "")
	refresh(t, "none")
	get(t, jwksPath)
	post(t, "/api/auth/session/logout", "", cookieLogin(t, name))
	post(t, "/nowhere", "")
	for _, path := range []string{"/account/verify-email/x", "/account/reset-password/x", "/api/auth/health", discoveryPath} {
		get(t, path)
	}
}

// makeRenewalDue sets the time of the last renewal of a cookie session to two hours ago.
func makeRenewalDue(t *testing.T, cookie string) {
	t.Helper()
	_, value, _ := strings.Cut(cookie, "=")
	raw, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil {
		t.Fatal(err)
	}
	user, session := id.ID(raw[:id.Size]), id.ID(raw[id.Size:2*id.Size])
	rotated := fmt.Sprint(time.Now().Add(-2 * time.Hour).UnixMilli())
	sharedTables().Set(t, "Sessions", "S#"+user.String(), session.String(), number("rotated", rotated))
}

// changeLetter replaces one letter of a token with another letter of its alphabet.
func changeLetter(token string, at int) string {
	letter := "A"
	if token[at] == 'A' {
		letter = "B"
	}
	return token[:at] + letter + token[at+1:]
}

// warmUpUnits is the capacity of the read that a process makes at its start.
const warmUpUnits = 0.5

// spent returns the store calls since the last reset of the wiretap. It leaves out reads of half a unit: they belong to processes
// that the host has just started beside a busy one, and not to a request.
func spent() string { return sum(shared.Tap.AllCalls()) }

func sum(calls []wiretap.Call) string {
	var operations []string
	var read, write float64
	for _, call := range calls {
		if call.Read == warmUpUnits {
			continue
		}
		operations = append(operations, call.Operation)
		read += call.Read
		write += call.Write
	}
	return fmt.Sprintf("%s r%v w%v", strings.Join(operations, " "), read, write)
}

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
	covered.require(t, "add its row to infra/e2e/endpoints_test.go", withoutStore(t))
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
