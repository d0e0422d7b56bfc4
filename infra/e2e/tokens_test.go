package e2e_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"latchkey/pkg/id"
	"latchkey/pkg/session"
	"latchkey/pkg/token"
)

// refreshBody is the body of a refresh, and of a logout that names its session by the refresh token.
func refreshBody(t *testing.T, token string) string {
	t.Helper()
	body, err := json.Marshal(map[string]string{"refresh_token": token})
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// mustRefuse presents a token wherever one is taken, and returns the operations that the store was called for.
func mustRefuse(t *testing.T, token string) (operations []string) {
	t.Helper()
	quiet(t)
	shared.tap.Reset()
	body := refreshBody(t, token)
	for door, test := range map[string]struct {
		got    response
		status int
		code   string
	}{
		"me":      {post(t, "/api/auth/me", "", bearer(token)), http.StatusUnauthorized, "authentication_required"},
		"refresh": {post(t, "/api/auth/refresh", body), http.StatusForbidden, "invalid_refresh_token"},
		"logout":  {post(t, "/api/auth/logout", body, bearer(token)), http.StatusUnauthorized, "authentication_required"},
	} {
		if test.got.Status != test.status || test.got.Member("code") != test.code {
			t.Errorf("%s answers %v", door, test.got)
		}
		if challenge := test.got.Header.Get("WWW-Authenticate"); (challenge == "Bearer") != (test.status == http.StatusUnauthorized) {
			t.Errorf("%s answers with the challenge %q", door, challenge)
		}
	}
	for _, call := range shared.tap.Calls() {
		operations = append(operations, call.Operation)
	}
	return operations
}

// mustHold demands that the user's session still is what it was: nobody has ended it or moved it on.
func mustHold(t *testing.T, user signedUp) {
	t.Helper()
	if got := post(t, "/api/auth/me", "", bearer(user.access)); got.Status != http.StatusOK || got.Member("id") != user.id {
		t.Errorf("the access token gets %v", got)
	}
	if got := refresh(t, user.refresh); got.Status != http.StatusOK {
		t.Errorf("the refresh token gets %v", got)
	}
}

// readyForTokens has idle processes of each function that takes tokens.
func readyForTokens(t *testing.T) {
	t.Helper()
	haveIdle(t, "Me", "/api/auth/me")
	haveIdle(t, "Refresh", "/api/auth/refresh")
	haveIdle(t, "Logout", "/api/auth/logout")
}

// haveIdle has several processes of a function, by requests that it refuses at once. A process that starts calls the store, which
// must not be taken for a call of the request that started it; and the process used last may not be idle again yet when the next
// request comes.
func haveIdle(t *testing.T, function, path string) {
	t.Helper()
	for range 20 {
		if len(shared.Host.Processes()[function]) >= 3 {
			return
		}
		atOnce(t, 4, func(int) (response, error) { return try(t.Context(), shared.URL, "POST", path, "") })
	}
	t.Fatalf("%s runs in %v", function, shared.Host.Processes()[function])
}

// TestForgerControl holds the other tests up: what the forger makes is accepted as long as it changes nothing.
func TestForgerControl(t *testing.T) {
	f := newForger(t, "control")
	for name, raw := range map[string]string{
		"unchanged":                  f.sign(f.header, f.claims),
		"without typ":                f.withHeader(`,"typ":"JWT"`, ``),
		"a claim of a later version": f.withClaims(`{`, `{"later":{"x":[1]},`),
		"a claim set to what it is":  f.with("type", `"access"`, "sub", `"`+f.user.id+`"`),
	} {
		if got := post(t, "/api/auth/me", "", bearer(raw)); got.Status != http.StatusOK {
			t.Errorf("%s: %v", name, got)
		}
	}
	data := decode64(t, f.user.refresh)
	if remade := f.sealed(f.key("HS256")["k"], refreshLabel, data); remade != f.user.refresh {
		t.Errorf("the refresh token is %s, remade %s", f.user.refresh, remade)
	}
}

// TestHostileTokens: whatever we did not make, unchanged to the last bit, is refused at every door without a store call.
func TestHostileTokens(t *testing.T) {
	f := newForger(t, "hostile")
	foreign := newImpostor(t, f.kid)
	readyForTokens(t)
	for kind, tokens := range map[string]map[string]string{
		"header": f.headers(), "claims": f.forgedClaims(), "spelling": f.spellings(), "signature": f.signatures(),
		"foreign": f.by(foreign), "refresh token": f.refreshTokens(),
	} {
		for name, raw := range tokens {
			t.Run(kind+"/"+name, func(t *testing.T) {
				if calls := mustRefuse(t, raw); len(calls) > 0 {
					t.Errorf("the store calls are %v", calls)
				}
			})
		}
	}
	if asked := foreign.asked.Load(); asked > 0 {
		t.Errorf("the impostor was asked for its keys %d times", asked)
	}
	mustHold(t, f.user)
}

// TestOneKindOfTokenForTheOther: a good token counts as its own kind only.
func TestOneKindOfTokenForTheOther(t *testing.T) {
	quiet(t)
	user := signUp(t, shared.URL, "confused")
	readyForTokens(t)
	shared.tap.Reset()
	if got := post(t, "/api/auth/me", "", bearer(user.refresh)); got.Status != http.StatusUnauthorized {
		t.Errorf("the refresh token as bearer gets %v", got)
	}
	if got := refresh(t, user.access); got.Status != http.StatusForbidden {
		t.Errorf("the access token as refresh token gets %v", got)
	}
	if got := post(t, "/api/auth/logout", refreshBody(t, user.access), bearer(user.refresh)); got.Status != http.StatusUnauthorized {
		t.Errorf("each in the other's place gets %v", got)
	}
	if calls := shared.tap.Calls(); len(calls) > 0 {
		t.Errorf("the store calls are %v", calls)
	}
	mustHold(t, user)
}

// TestTokensForASessionThatIsNotTheSubjects: what our own keys made and the store does not know as one whole opens and ends
// nothing, though its parts exist.
func TestTokensForASessionThatIsNotTheSubjects(t *testing.T) {
	f, other := newForger(t, "subject"), signUp(t, shared.URL, "other-subject")
	keys, err := token.ParseKeySet([]byte(signingKeys(t)), "ES256")
	if err != nil {
		t.Fatal(err)
	}
	const nobody, nothing = "00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b"
	for name, named := range map[string]struct{ user, session string }{
		"another's session":   {f.user.id, other.session(t)},
		"another user":        {other.id, f.user.session(t)},
		"an unknown user":     {nobody, f.user.session(t)},
		"an unknown session":  {f.user.id, nothing},
		"both unknown":        {nobody, nothing},
		"each in place of it": {f.user.session(t), f.user.id},
	} {
		t.Run(name, func(t *testing.T) {
			access := f.with("sub", `"`+named.user+`"`, "sid", `"`+named.session+`"`)
			refresh, err := keys.SealRefresh(keys.DerivingKey(), session.RefreshClaims{
				User: parseID(t, named.user), Session: parseID(t, named.session),
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, raw := range []string{access, refresh.Reveal()} {
				if calls := mustRefuse(t, raw); slices.Contains(calls, "DeleteItem") {
					t.Errorf("the store calls are %v", calls)
				}
			}
		})
	}
	mustHold(t, f.user)
	mustHold(t, other)
}

func parseID(t *testing.T, text string) id.ID {
	t.Helper()
	parsed, err := id.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// TestTokensThatAreTooLong: what is longer than a request may be is refused before any function sees it, or by the body's cap.
func TestTokensThatAreTooLong(t *testing.T) {
	quiet(t)
	f := newForger(t, "endless")
	readyForTokens(t)
	shared.tap.Reset()
	for name, test := range map[string]struct {
		raw               string
		asBearer, refresh int
	}{
		"as long as headers may be": {f.user.access + strings.Repeat("A", 10_000-len(f.user.access)), 401, 403},
		"longer":                    {f.user.access + strings.Repeat("A", 10_240-len(f.user.access)), 431, 403},
		"a kid of 10 kB":            {f.withHeader(f.kid, strings.Repeat("k", 10_000)), 431, 403},
		"dots":                      {strings.Repeat(".", 10_240), 431, 403},
		"longer than a body":        {strings.Repeat("A", 16<<10), 431, 413},
		"endless":                   {strings.Repeat("A", 200_000), 431, 413},
	} {
		if got := post(t, "/api/auth/me", "", bearer(test.raw)); got.Status != test.asBearer {
			t.Errorf("%s, as bearer: %v", name, got)
		}
		if got := post(t, "/api/auth/refresh", refreshBody(t, test.raw)); got.Status != test.refresh {
			t.Errorf("%s, as refresh token: %v", name, got)
		}
	}
	if calls := shared.tap.Calls(); len(calls) > 0 {
		t.Errorf("the store calls are %v", calls)
	}
	mustHold(t, f.user)
}

// TestRefreshBodies: a refresh token has to be the text of that one member.
func TestRefreshBodies(t *testing.T) {
	quiet(t)
	user := signUp(t, shared.URL, "embodied")
	quoted := `"` + user.refresh + `"`
	readyForTokens(t)
	shared.tap.Reset()
	for name, test := range map[string]struct {
		body   string
		status int
		code   string
	}{
		"no member":         {`{}`, 400, "validation_failed"},
		"empty":             {`{"refresh_token":""}`, 400, "validation_failed"},
		"null":              {`{"refresh_token":null}`, 400, "validation_failed"},
		"a number":          {`{"refresh_token":1}`, 400, "validation_failed"},
		"an array":          {`{"refresh_token":[` + quoted + `]}`, 400, "validation_failed"},
		"an object":         {`{"refresh_token":{"refresh_token":` + quoted + `}}`, 400, "validation_failed"},
		"in capitals":       {`{"REFRESH_TOKEN":` + quoted + `}`, 400, "validation_failed"},
		"twice":             {`{"refresh_token":` + quoted + `,"refresh_token":` + quoted + `}`, 400, "malformed_json"},
		"not UTF-8":         {"{\"refresh_token\":\"\xff\"}", 400, "malformed_json"},
		"the text alone":    {quoted, 400, "malformed_json"},
		"a line break":      {`{"refresh_token":"` + user.refresh + `\n"}`, 403, "invalid_refresh_token"},
		"a break in it":     {`{"refresh_token":"` + user.refresh[:9] + `\r\n` + user.refresh[9:] + `"}`, 403, "invalid_refresh_token"},
		"a space before it": {`{"refresh_token":" ` + user.refresh + `"}`, 403, "invalid_refresh_token"},
		"NUL after it":      {`{"refresh_token":"` + user.refresh + `\u0000"}`, 403, "invalid_refresh_token"},
	} {
		if got := post(t, "/api/auth/refresh", test.body); got.Status != test.status || got.Member("code") != test.code {
			t.Errorf("%s: %v", name, got)
		}
	}
	if calls := shared.tap.Calls(); len(calls) > 0 {
		t.Errorf("the store calls are %v", calls)
	}
	mustHold(t, user)
}

// TestWhereABearerTokenCounts: in one Authorization header with its scheme (RFC 6750 §2.1), and nowhere else.
func TestWhereABearerTokenCounts(t *testing.T) {
	user := signUp(t, shared.URL, "placed")
	good, bad := bearer(user.access), bearer("x")
	for name, test := range map[string]struct {
		path, body string
		headers    []string
		status     int
	}{
		"in its place":         {"/api/auth/me", "", []string{good}, 200},
		"scheme in lower case": {"/api/auth/me", "", []string{"Authorization: bearer " + user.access}, 200},
		"scheme in capitals":   {"/api/auth/me", "", []string{"Authorization: BEARER " + user.access}, 200},
		"without a scheme":     {"/api/auth/me", "", []string{"Authorization: " + user.access}, 401},
		"another scheme":       {"/api/auth/me", "", []string{"Authorization: Token " + user.access}, 401},
		"a scheme alone":       {"/api/auth/me", "", []string{"Authorization: Bearer"}, 401},
		"two headers":          {"/api/auth/me", "", []string{good, bad}, 401},
		"the same twice":       {"/api/auth/me", "", []string{good, good}, 401},
		"in another header":    {"/api/auth/me", "", []string{"X-Authorization: Bearer " + user.access}, 401},
		"in a cookie":          {"/api/auth/me", "", []string{"Cookie: session_id=" + user.access}, 401},
		"in the query":         {"/api/auth/me?access_token=" + user.access, "", nil, 401},
		"in the body":          {"/api/auth/me", `{"access_token":"` + user.access + `"}`, nil, 401},
	} {
		if got := post(t, test.path, test.body, test.headers...); got.Status != test.status {
			t.Errorf("%s: %v", name, got)
		}
	}
}
