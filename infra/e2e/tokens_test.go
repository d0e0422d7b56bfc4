package e2e_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"latchkey/pkg/id"
	"latchkey/pkg/session"
	"latchkey/pkg/token"
)

// checkRefused sends a token to every endpoint that accepts tokens. All must refuse it. It returns the store calls.
func checkRefused(t *testing.T, token string) (operations []string) {
	t.Helper()
	pauseMailer(t)
	shared.Tap.Reset()
	for endpoint, test := range map[string]struct {
		got    response
		status int
		code   string
	}{
		"me":      {post(t, "/api/auth/me", "", bearer(token)), http.StatusUnauthorized, "authentication_required"},
		"refresh": {refresh(t, token), http.StatusForbidden, "invalid_refresh_token"},
		"logout":  {post(t, "/api/auth/logout", refreshBody(token), bearer(token)), http.StatusUnauthorized, "authentication_required"},
	} {
		if test.got.Status != test.status || test.got.Member("code") != test.code {
			t.Errorf("%s with %.100q: got %v, want %d %s", endpoint, token, test.got, test.status, test.code)
		}
		challenge := test.got.Header.Get("WWW-Authenticate")
		if (challenge == "Bearer") != (test.status == http.StatusUnauthorized) {
			t.Errorf("%s with %.100q: got %d and WWW-Authenticate %q, want Bearer with 401 only", endpoint, token, test.got.Status, challenge)
		}
	}
	for _, call := range shared.Tap.Calls() {
		operations = append(operations, call.Operation)
	}
	return operations
}

// checkSession checks that both tokens of the user are accepted: the session has neither ended nor moved to another generation.
func checkSession(t *testing.T, user tokenUser) {
	t.Helper()
	if got := post(t, "/api/auth/me", "", bearer(user.access)); got.Status != http.StatusOK || got.Member("id") != user.id {
		t.Errorf("me with the access token of the user: got %v, want 200 and the id %s", got, user.id)
	}
	if got := refresh(t, user.refresh); got.Status != http.StatusOK {
		t.Errorf("refresh with the refresh token of the user: got %v, want 200", got)
	}
}

// checkNoCalls checks that the store has not been called since the last reset.
func checkNoCalls(t *testing.T) {
	t.Helper()
	if calls := shared.Tap.Calls(); len(calls) > 0 {
		t.Errorf("got the store calls %v, want none", calls)
	}
}

// startIdleProcesses starts spare processes of each function that accepts tokens. A process calls the store when it starts,
// which a test must not attribute to its request. One spare is not enough, because the process used last may not be idle
// when the next request arrives.
func startIdleProcesses(t *testing.T) {
	t.Helper()
	for function, path := range map[string]string{"Me": "/api/auth/me", "Refresh": "/api/auth/refresh", "Logout": "/api/auth/logout"} {
		for attempt := 0; len(shared.Host.Processes()[function]) < 3; attempt++ {
			if attempt == 20 {
				t.Fatalf("%s: got the processes %v, want at least 3", function, shared.Host.Processes()[function])
			}
			concurrently(t, 4, func(int) (response, error) { return tryPost(t, path, "") })
		}
	}
}

// TestForgerControl validates the other tests: without a fault, the tokens of the forger are accepted.
func TestForgerControl(t *testing.T) {
	f := newForger(t)
	for name, raw := range map[string]string{
		"unchanged":                  f.sign(f.header, f.claims),
		"without typ":                f.withHeader(`,"typ":"JWT"`, ``),
		"a claim of a later version": f.withClaims(`{`, `{"later":{"x":[1]},`),
		"claims set to their values": f.with("type", `"access"`, "sub", `"`+f.user.id+`"`),
	} {
		if got := post(t, "/api/auth/me", "", bearer(raw)); got.Status != http.StatusOK {
			t.Errorf("me with a token that is %s: got %v, want 200", name, got)
		}
	}
	if got := f.sealed(f.key("HS256")["k"], refreshLabel, decode64(t, f.user.refresh)); got != f.user.refresh {
		t.Errorf("sealing the refresh token again: got %s, want %s", got, f.user.refresh)
	}
}

// TestHostileTokens checks that forged tokens are refused by every endpoint without a store call, and that the key of a
// foreign server is never requested.
func TestHostileTokens(t *testing.T) {
	f := newForger(t)
	foreign := newImpostor(t, f.kid)
	startIdleProcesses(t)
	for kind, tokens := range map[string]map[string]string{
		"header": f.forgedHeaders(), "claims": f.forgedClaims(), "malformed": f.malformedTokens(), "signature": f.forgedSignatures(),
		"foreign": f.foreignTokens(foreign), "refresh": f.refreshTokens(),
	} {
		for name, raw := range tokens {
			t.Run(kind+"/"+name, func(t *testing.T) {
				if calls := checkRefused(t, raw); len(calls) > 0 {
					t.Errorf("got the store calls %v, want none", calls)
				}
			})
		}
	}
	if got := foreign.requests.Load(); got > 0 {
		t.Errorf("got %d requests to the foreign server, want none", got)
	}
	checkSession(t, f.user)
}

// TestTokenKindsAreNotInterchangeable checks that a valid token is accepted only as its own kind.
func TestTokenKindsAreNotInterchangeable(t *testing.T) {
	pauseMailer(t)
	user := signUp(t, shared.URL, uniqueName("kinds"))
	startIdleProcesses(t)
	shared.Tap.Reset()
	if got := post(t, "/api/auth/me", "", bearer(user.refresh)); got.Status != http.StatusUnauthorized {
		t.Errorf("me with the refresh token: got %v, want 401", got)
	}
	if got := refresh(t, user.access); got.Status != http.StatusForbidden {
		t.Errorf("refresh with the access token: got %v, want 403", got)
	}
	if got := post(t, "/api/auth/logout", refreshBody(user.access), bearer(user.refresh)); got.Status != http.StatusUnauthorized {
		t.Errorf("logout with the tokens exchanged: got %v, want 401", got)
	}
	checkNoCalls(t)
	checkSession(t, user)
}

// TestTokensOfAnotherSession checks that a correctly signed token is refused and ends nothing if its user and its session
// exist but do not belong together, or if one of them does not exist.
func TestTokensOfAnotherSession(t *testing.T) {
	f, other := newForger(t), signUp(t, shared.URL, uniqueName("other"))
	keys, err := token.ParseKeySet([]byte(signingKeys(t)), "ES256")
	if err != nil {
		t.Fatal(err)
	}
	const unknownUser, unknownSession = "00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b"
	for name, ids := range map[string]struct{ user, session string }{
		"another user's session": {f.user.id, other.session(t)},
		"another user":           {other.id, f.user.session(t)},
		"unknown user":           {unknownUser, f.user.session(t)},
		"unknown session":        {f.user.id, unknownSession},
		"both unknown":           {unknownUser, unknownSession},
		"ids exchanged":          {f.user.session(t), f.user.id},
	} {
		t.Run(name, func(t *testing.T) {
			access := f.with("sub", `"`+ids.user+`"`, "sid", `"`+ids.session+`"`)
			refresh, err := keys.SealRefresh(keys.DerivingKey(), session.RefreshClaims{
				User: parseID(t, ids.user), Session: parseID(t, ids.session),
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, raw := range []string{access, refresh.Reveal()} {
				if calls := checkRefused(t, raw); slices.Contains(calls, "DeleteItem") {
					t.Errorf("got the store calls %v, want no DeleteItem", calls)
				}
			}
		})
	}
	checkSession(t, f.user)
	checkSession(t, other)
}

func parseID(t *testing.T, text string) id.ID {
	t.Helper()
	parsed, err := id.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// TestTokensThatAreTooLong checks that the gateway refuses headers that are too long, and the function bodies that are.
func TestTokensThatAreTooLong(t *testing.T) {
	pauseMailer(t)
	f := newForger(t)
	startIdleProcesses(t)
	shared.Tap.Reset()
	for name, test := range map[string]struct {
		raw         string
		me, refresh int // statuses
	}{
		"the longest header":   {f.user.access + strings.Repeat("A", 10_000-len(f.user.access)), 401, 403},
		"a longer header":      {f.user.access + strings.Repeat("A", 10_240-len(f.user.access)), 431, 403},
		"a kid of 10 kB":       {f.withHeader(f.kid, strings.Repeat("k", 10_000)), 431, 403},
		"dots":                 {strings.Repeat(".", 10_240), 431, 403},
		"longer than a body":   {strings.Repeat("A", 16<<10), 431, 413},
		"200,000 letters long": {strings.Repeat("A", 200_000), 431, 413},
	} {
		if got := post(t, "/api/auth/me", "", bearer(test.raw)); got.Status != test.me {
			t.Errorf("me with %s: got %v, want %d", name, got, test.me)
		}
		if got := refresh(t, test.raw); got.Status != test.refresh {
			t.Errorf("refresh with %s: got %v, want %d", name, got, test.refresh)
		}
	}
	checkNoCalls(t)
	checkSession(t, f.user)
}

// TestRefreshBodies checks that a refresh token is accepted only as the exact text of its member.
func TestRefreshBodies(t *testing.T) {
	pauseMailer(t)
	user := signUp(t, shared.URL, uniqueName("bodies"))
	quoted := `"` + user.refresh + `"`
	startIdleProcesses(t)
	shared.Tap.Reset()
	for name, test := range map[string]struct {
		body   string
		status int
		code   string
	}{
		"no member":           {`{}`, 400, "validation_failed"},
		"empty":               {`{"refresh_token":""}`, 400, "validation_failed"},
		"null":                {`{"refresh_token":null}`, 400, "validation_failed"},
		"number":              {`{"refresh_token":1}`, 400, "validation_failed"},
		"array":               {`{"refresh_token":[` + quoted + `]}`, 400, "validation_failed"},
		"object":              {`{"refresh_token":{"refresh_token":` + quoted + `}}`, 400, "validation_failed"},
		"upper case":          {`{"REFRESH_TOKEN":` + quoted + `}`, 400, "validation_failed"},
		"duplicate":           {`{"refresh_token":` + quoted + `,"refresh_token":` + quoted + `}`, 400, "malformed_json"},
		"not UTF-8":           {"{\"refresh_token\":\"\xff\"}", 400, "malformed_json"},
		"only the text":       {quoted, 400, "malformed_json"},
		"trailing line break": {`{"refresh_token":"` + user.refresh + `\n"}`, 403, "invalid_refresh_token"},
		"line break within":   {`{"refresh_token":"` + user.refresh[:9] + `\r\n` + user.refresh[9:] + `"}`, 403, "invalid_refresh_token"},
		"leading space":       {`{"refresh_token":" ` + user.refresh + `"}`, 403, "invalid_refresh_token"},
		"trailing NUL":        {`{"refresh_token":"` + user.refresh + `\u0000"}`, 403, "invalid_refresh_token"},
	} {
		if got := post(t, "/api/auth/refresh", test.body); got.Status != test.status || got.Member("code") != test.code {
			t.Errorf("refresh, %s: got %v, want %d %s", name, got, test.status, test.code)
		}
	}
	checkNoCalls(t)
	checkSession(t, user)
}

// TestPlacesOfABearerToken checks that an access token is accepted only in a single Authorization header with its scheme (RFC
// 6750 §2.1).
func TestPlacesOfABearerToken(t *testing.T) {
	user := signUp(t, shared.URL, uniqueName("places"))
	valid, invalid := bearer(user.access), bearer("x")
	for name, test := range map[string]struct {
		path, body string
		headers    []string
		want       int
	}{
		"Authorization header": {"/api/auth/me", "", []string{valid}, 200},
		"scheme in lower case": {"/api/auth/me", "", []string{"Authorization: bearer " + user.access}, 200},
		"scheme in upper case": {"/api/auth/me", "", []string{"Authorization: BEARER " + user.access}, 200},
		"no scheme":            {"/api/auth/me", "", []string{"Authorization: " + user.access}, 401},
		"another scheme":       {"/api/auth/me", "", []string{"Authorization: Token " + user.access}, 401},
		"only a scheme":        {"/api/auth/me", "", []string{"Authorization: Bearer"}, 401},
		"two headers":          {"/api/auth/me", "", []string{valid, invalid}, 401},
		"the same twice":       {"/api/auth/me", "", []string{valid, valid}, 401},
		"another header":       {"/api/auth/me", "", []string{"X-Authorization: Bearer " + user.access}, 401},
		"cookie":               {"/api/auth/me", "", []string{"Cookie: session_id=" + user.access}, 401},
		"query":                {"/api/auth/me?access_token=" + user.access, "", nil, 401},
		"body":                 {"/api/auth/me", `{"access_token":"` + user.access + `"}`, nil, 401},
	} {
		if got := post(t, test.path, test.body, test.headers...); got.Status != test.want {
			t.Errorf("%s: got %v, want %d", name, got, test.want)
		}
	}
}
