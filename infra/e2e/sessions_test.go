package e2e_test

import (
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"latchkey/infra/local/stack"
	"latchkey/infra/local/tables"
	"latchkey/infra/testkit/enginetest"
)

// rounds and callers of the races.
const (
	rounds  = 20
	callers = 32
)

// refresh presents a refresh token to the shared stack.
func refresh(t *testing.T, token string) response {
	t.Helper()
	return post(t, "/api/auth/refresh", fmt.Sprintf(`{"refresh_token":%q}`, token))
}

func login(t *testing.T, name string) response {
	t.Helper()
	got := post(t, "/api/auth/login", credentials(name))
	if got.Status != http.StatusOK {
		t.Fatalf("logging in as %s: %v", name, got)
	}
	return got
}

// alive says whether an access token and a refresh token are accepted; the latter is used up by that.
func alive(t *testing.T, tokens response) (access, refreshes bool) {
	t.Helper()
	me := send(t, shared.URL, "GET", "/api/auth/me", "", bearer(tokens.Member("access_token")))
	again := refresh(t, tokens.Member("refresh_token"))
	for _, got := range []response{me, again} {
		if got.Status >= http.StatusInternalServerError {
			t.Errorf("the answer is %v", got)
		}
	}
	return me.Status == http.StatusOK, again.Status == http.StatusOK
}

func TestRefreshAndLogout(t *testing.T) {
	register(t, "traveller")
	first := login(t, "traveller")
	second := refresh(t, first.Member("refresh_token"))
	checkTokens(t, second, http.StatusOK)
	out := post(t, "/api/auth/logout", "", bearer(second.Member("access_token")))
	if out.Status != http.StatusOK || out.Body != `{"message":"Successfully logged out"}` {
		t.Fatalf("logging out: %v", out)
	}
	for _, tokens := range []response{first, second} {
		if access, refreshes := alive(t, tokens); access || refreshes {
			t.Errorf("after logout: access token %v, refresh token %v", access, refreshes)
		}
	}
	if again := post(t, "/api/auth/logout", "", bearer(second.Member("access_token"))); again.Status != http.StatusUnauthorized {
		t.Errorf("logging out again: %v", again)
	}
}

func TestReuseEndsTheSession(t *testing.T) {
	register(t, "robbed")
	first := login(t, "robbed")
	second := refresh(t, first.Member("refresh_token"))
	third := refresh(t, second.Member("refresh_token"))
	if got := refresh(t, first.Member("refresh_token")); got.Status != http.StatusForbidden || got.Member("detail") != "Invalid refresh token" {
		t.Errorf("two generations back: %v", got)
	}
	if access, refreshes := alive(t, third); access || refreshes {
		t.Errorf("the session lives on: access token %v, refresh token %v", access, refreshes)
	}
}

// TestLogoutWithABody: a refresh token in it counts; one that does not fit ends nothing and is told only to who is signed in.
func TestLogoutWithABody(t *testing.T) {
	register(t, "leaver")
	tokens := login(t, "leaver")
	access, refreshToken := tokens.Member("access_token"), tokens.Member("refresh_token")
	for name, test := range map[string]struct {
		body    string
		headers []string
		status  int
	}{
		"malformed, signed in":      {`{`, []string{bearer(access)}, 400},
		"malformed, not signed in":  {`{`, nil, 401},
		"malformed, bad token":      {`{`, []string{bearer("x")}, 401},
		"misfit, signed in":         {`{"refresh_token":7}`, []string{bearer(access)}, 400},
		"misfit, not signed in":     {`{"refresh_token":7}`, nil, 401},
		"forged token in it":        {`{"refresh_token":"AAAA"}`, nil, 401},
		"nothing at all":            {``, nil, 401},
		"the access token in it":    {fmt.Sprintf(`{"refresh_token":%q}`, access), nil, 401},
		"a refresh token as bearer": {``, []string{bearer(refreshToken)}, 401},
	} {
		if got := post(t, "/api/auth/logout", test.body, test.headers...); got.Status != test.status {
			t.Errorf("%s: %v", name, got)
		}
	}
	if got := send(t, shared.URL, "GET", "/api/auth/me", "", bearer(access)); got.Status != http.StatusOK {
		t.Fatalf("a refused logout ended the session: %d", got.Status)
	}
	if got := post(t, "/api/auth/logout", fmt.Sprintf(`{"refresh_token":%q}`, refreshToken)); got.Status != http.StatusOK {
		t.Errorf("by the refresh token alone: %v", got)
	}
	if access, _ := alive(t, tokens); access {
		t.Error("the session lives on")
	}
}

// TestParallelRefreshesOverHTTP: one and the same refresh token for all, one generation further.
func TestParallelRefreshesOverHTTP(t *testing.T) {
	register(t, "impatient")
	token := login(t, "impatient").Member("refresh_token")
	for round := range rounds {
		var mu sync.Mutex
		successors := map[string]bool{}
		body := fmt.Sprintf(`{"refresh_token":%q}`, token)
		statuses := atOnce(t, callers, func(int) (response, error) {
			got, err := try(t.Context(), shared.URL, "POST", "/api/auth/refresh", body, "Content-Type: application/json")
			mu.Lock()
			defer mu.Unlock()
			successors[got.Member("refresh_token")] = true
			return got, err
		})
		if statuses[http.StatusOK] != callers || len(successors) != 1 {
			t.Fatalf("round %d: statuses %v, %d successors", round, statuses, len(successors))
		}
		for token = range successors {
		}
	}
	if generation := generationOf(t, "impatient"); generation != rounds {
		t.Errorf("after %d rounds the session stands at generation %d", rounds, generation)
	}
}

// generationOf is the highest generation among the sessions of the user named.
func generationOf(t *testing.T, name string) int {
	t.Helper()
	tokens := login(t, name)
	user := send(t, shared.URL, "GET", "/api/auth/me", "", bearer(tokens.Member("access_token"))).Member("id")
	highest := 0
	for _, item := range sharedTables().Items(t, "Sessions") {
		generation, ok := item["gen"].(*types.AttributeValueMemberN)
		if !ok || item["pk"].(*types.AttributeValueMemberS).Value != "S#"+user {
			continue
		}
		var value int
		if _, err := fmt.Sscan(generation.Value, &value); err != nil {
			t.Fatal(err)
		}
		highest = max(highest, value)
	}
	return highest
}

func sharedTables() enginetest.Tables {
	return enginetest.Tables{
		Endpoint: shared.DynamoDBEndpoint, Users: "Users", Sessions: "Sessions", Client: tables.Client(shared.DynamoDBEndpoint),
	}
}

// TestRefreshAgainstLogout: whatever comes first, after the logout nothing of the session is accepted.
func TestRefreshAgainstLogout(t *testing.T) {
	register(t, "torn")
	for range rounds {
		tokens := login(t, "torn")
		var mu sync.Mutex
		given := []response{tokens}
		atOnce(t, callers, func(i int) (response, error) {
			if i == callers/2 {
				return try(t.Context(), shared.URL, "POST", "/api/auth/logout", "", bearer(tokens.Member("access_token")))
			}
			body := fmt.Sprintf(`{"refresh_token":%q}`, tokens.Member("refresh_token"))
			got, err := try(t.Context(), shared.URL, "POST", "/api/auth/refresh", body, "Content-Type: application/json")
			if got.Status == http.StatusOK {
				mu.Lock()
				defer mu.Unlock()
				given = append(given, got)
			}
			return got, err
		})
		for _, each := range []response{given[0], given[len(given)-1]} {
			if access, refreshes := alive(t, each); access || refreshes {
				t.Fatalf("after logout: access token %v, refresh token %v", access, refreshes)
			}
		}
	}
}

// TestLoginAgainstAnEndOfAll: a login that meets a raise of the epoch gives a session that counts or none, never tokens that
// are dead or that survive the raise.
func TestLoginAgainstAnEndOfAll(t *testing.T) {
	token := register(t, "restless")
	user := send(t, shared.URL, "GET", "/api/auth/me", "", bearer(token)).Member("id")
	raise := func(epoch int) {
		sharedTables().Set(t, "Users", "U#"+user, "P", map[string]types.AttributeValue{
			"epoch": &types.AttributeValueMemberN{Value: fmt.Sprint(epoch)},
		})
	}
	for round := range rounds {
		var mu sync.Mutex
		var given []response
		atOnce(t, 6, func(i int) (response, error) { // of five logins none has to wait
			if i == 0 {
				raise(2*round + 1)
				return response{}, nil
			}
			got, err := try(t.Context(), shared.URL, "POST", "/api/auth/login", credentials("restless"), "Content-Type: application/json")
			mu.Lock()
			defer mu.Unlock()
			given = append(given, got)
			return got, err
		})
		raise(2*round + 2)
		for _, tokens := range given {
			if tokens.Status != http.StatusOK {
				t.Fatalf("round %d: %v", round, tokens)
			}
			if access, refreshes := alive(t, tokens); access || refreshes {
				t.Fatalf("round %d: tokens survive the end of all sessions", round)
			}
		}
	}
	if access, refreshes := alive(t, login(t, "restless")); !access || !refreshes {
		t.Error("a login after the last raise does not count")
	}
}

// TestTokenManager takes the steps of the guide's class with access tokens of two seconds: three refreshes in a row.
func TestTokenManager(t *testing.T) {
	api := startStack(t, stack.Options{
		Root: moduleRoot(t), Log: io.Discard, Environment: map[string]string{"ACCESS_TOKEN_SECONDS": "2"},
	})
	tokens := send(t, api.URL, "POST", "/api/auth/register", registration("manager"), "Content-Type: application/json")
	for turn := range 3 {
		if tokens.Member("expires_in") != "2" {
			t.Fatalf("turn %d: %v", turn, tokens)
		}
		me := send(t, api.URL, "POST", "/api/auth/me", "", bearer(tokens.Member("access_token")))
		if me.Status != http.StatusOK {
			t.Errorf("turn %d: a fresh token answers %d", turn, me.Status)
		}
		time.Sleep(2100 * time.Millisecond)
		me = send(t, api.URL, "POST", "/api/auth/me", "", bearer(tokens.Member("access_token")))
		if me.Status != http.StatusUnauthorized {
			t.Errorf("turn %d: an expired token answers %d", turn, me.Status)
		}
		body := fmt.Sprintf(`{"refresh_token":%q}`, tokens.Member("refresh_token"))
		tokens = send(t, api.URL, "POST", "/api/auth/refresh", body, "Content-Type: application/json")
	}
	if tokens.Status != http.StatusOK {
		t.Errorf("the last refresh: %v", tokens)
	}
}
