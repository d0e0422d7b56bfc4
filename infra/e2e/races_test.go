package e2e_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

const (
	rounds  = 20 // of each race
	callers = 32 // in each round
)

// TestManyRegistrationsOfOneName checks that concurrent registrations of one name create one account, and that the others
// leave no items.
func TestManyRegistrationsOfOneName(t *testing.T) {
	pauseMailer(t)
	id := uniqueID()
	names := []string{"Alice%d", "alice%d", "ALICE%d", "Ａlice%d"}
	addresses := []string{"Alice%d@example.com", "alice%d@example.com", "ALICE%d@Example.COM"}
	before := countItems(t)
	statuses := concurrently(t, callers, func(i int) (response, error) {
		name, address := fmt.Sprintf(names[i%len(names)], id), fmt.Sprintf(addresses[i%len(addresses)], id)
		return tryPost(t, "/api/auth/register", fmt.Sprintf(`{"username":%q,"email":%q,"password":"SecurePass123!"}`, name, address))
	})
	if statuses[http.StatusCreated] != 1 || statuses[http.StatusForbidden] != callers-1 {
		t.Errorf("%d registrations: got the statuses %v, want one 201 and else 403", callers, statuses)
	}
	checkAdded(t, before, map[string]int{"U#": 1, "N#": 1, "E#": 1, "S#": 1, "O#": 1})
}

// TestConcurrentRequestsUseSeveralProcesses checks the condition of the other races: a process handles one event at a time,
// so that concurrent requests run in several processes.
func TestConcurrentRequestsUseSeveralProcesses(t *testing.T) {
	name := uniqueName("concurrent")
	register(t, name)
	statuses := concurrently(t, 4, func(int) (response, error) { return tryPost(t, "/api/auth/login", credentials(name)) })
	if statuses[http.StatusOK] != 4 {
		t.Errorf("4 logins: got the statuses %v, want 200", statuses)
	}
	pids := shared.Host.Processes()["Login"]
	slices.Sort(pids)
	if len(slices.Compact(pids)) < 2 {
		t.Errorf("login: got the processes %v, want at least 2", pids)
	}
}

// TestConcurrentRefreshes checks that concurrent refreshes with one token all succeed, return the same refresh token, and move
// the session by a single generation.
func TestConcurrentRefreshes(t *testing.T) {
	name := uniqueName("refreshes")
	user := userID(t, register(t, name))
	token := login(t, name).Member("refresh_token")
	for round := range rounds {
		var mu sync.Mutex
		successors := map[string]bool{}
		body := refreshBody(token)
		statuses := concurrently(t, callers, func(int) (response, error) {
			got, err := tryPost(t, "/api/auth/refresh", body)
			mu.Lock()
			defer mu.Unlock()
			successors[got.Member("refresh_token")] = true
			return got, err
		})
		if statuses[http.StatusOK] != callers || len(successors) != 1 {
			t.Fatalf("round %d: got the statuses %v and %d refresh tokens, want only 200 and one token", round, statuses, len(successors))
		}
		for token = range successors {
		}
	}
	if got := generationOf(t, user); got != rounds {
		t.Errorf("after %d rounds: got the generation %d, want %d", rounds, got, rounds)
	}
}

// generationOf returns the highest generation of the refresh tokens in the sessions of a user.
func generationOf(t *testing.T, user string) int {
	t.Helper()
	highest := 0
	for _, item := range sharedTables().Items(t, "Sessions") {
		generation, ok := item["gen"].(*types.AttributeValueMemberN)
		if !ok || item["pk"].(*types.AttributeValueMemberS).Value != "S#"+user {
			continue
		}
		value, err := strconv.Atoi(generation.Value)
		if err != nil {
			t.Fatal(err)
		}
		highest = max(highest, value)
	}
	return highest
}

// TestRefreshAgainstLogout checks that after a logout no token of the session is accepted, however the logout and concurrent
// refreshes interleave.
func TestRefreshAgainstLogout(t *testing.T) {
	name := uniqueName("refresh-logout")
	register(t, name)
	for round := range rounds {
		tokens := login(t, name)
		var mu sync.Mutex
		pairs := []response{tokens}
		concurrently(t, callers, func(i int) (response, error) {
			if i == callers/2 {
				return tryPost(t, "/api/auth/logout", "", bearer(tokens.Member("access_token")))
			}
			got, err := tryPost(t, "/api/auth/refresh", refreshBody(tokens.Member("refresh_token")))
			if got.Status == http.StatusOK {
				mu.Lock()
				defer mu.Unlock()
				pairs = append(pairs, got)
			}
			return got, err
		})
		for _, pair := range []response{pairs[0], pairs[len(pairs)-1]} {
			checkEnded(t, pair, fmt.Sprintf("round %d, after the logout", round))
		}
	}
}

// TestLoginAgainstAnEndOfAll checks that a login that runs while all sessions are ended returns a session that works until
// the next end, and never tokens that survive it.
func TestLoginAgainstAnEndOfAll(t *testing.T) {
	name := uniqueName("login-end")
	user := userID(t, register(t, name))
	setEpoch := func(epoch int) {
		sharedTables().Set(t, "Users", "U#"+user, "P", number("epoch", fmt.Sprint(epoch)))
	}
	for round := range rounds {
		var mu sync.Mutex
		var pairs []response
		concurrently(t, 6, func(i int) (response, error) { // five logins do not have to wait for one another
			if i == 0 {
				setEpoch(2*round + 1)
				return response{}, nil
			}
			got, err := tryPost(t, "/api/auth/login", credentials(name))
			mu.Lock()
			defer mu.Unlock()
			pairs = append(pairs, got)
			return got, err
		})
		setEpoch(2*round + 2)
		for _, pair := range pairs {
			if pair.Status != http.StatusOK {
				t.Fatalf("round %d: login: got %v, want 200", round, pair)
			}
			checkEnded(t, pair, fmt.Sprintf("round %d, after the end of all sessions", round))
		}
	}
	if access, refresh := accepted(t, login(t, name)); !access || !refresh {
		t.Errorf("login after the last end: got access token accepted %v, refresh token %v, want both", access, refresh)
	}
}

// TestConcurrentResets checks that of concurrent resets with one token and different passwords one succeeds, and that only its
// password is valid afterwards.
func TestConcurrentResets(t *testing.T) {
	name := uniqueName("resets")
	user := userID(t, register(t, name))
	awaitMail(t, name, 1)
	post(t, "/api/auth/forgot-password", emailBody(name))
	token := awaitMail(t, name, 2).token(t)
	password := func(i int) string { return fmt.Sprintf("A good password %d", i) }
	statuses := concurrently(t, callers, func(i int) (response, error) {
		return tryPost(t, "/api/auth/reset-password", fmt.Sprintf(`{"token":%q,"new_password":%q}`, token, password(i)))
	})
	if statuses[http.StatusOK] != 1 || statuses[http.StatusForbidden] != callers-1 {
		t.Errorf("%d resets: got the statuses %v, want one 200 and else 403", callers, statuses)
	}
	logins := 0
	for i := range callers {
		body := fmt.Sprintf(`{"username":%q,"password":%q}`, name, password(i))
		if post(t, "/api/auth/login", body, deviceCookie(t, user, 1)).Status == http.StatusOK { // the reset has raised the epoch to 1
			logins++
		}
	}
	if logins != 1 {
		t.Errorf("got %d valid passwords of %d, want 1", logins, callers)
	}
}

// TestConcurrentFirstLogins checks that concurrent logins of an account with a legacy hash all succeed, and replace the hash.
func TestConcurrentFirstLogins(t *testing.T) {
	name := uniqueName("first-logins")
	key := registerWithHash(t, name, legacyHashes["bcrypt"])
	paths := []string{"/api/auth/login", "/api/auth/session/login"}
	statuses := concurrently(t, 5, func(i int) (response, error) { return tryPost(t, paths[i%2], credentials(name)) })
	if statuses[http.StatusOK] != 5 {
		t.Errorf("5 logins: got the statuses %v, want 200", statuses)
	}
	if hash := hashOf(t, key); !strings.HasPrefix(hash, currentHash) {
		t.Errorf("after the logins: got the hash %s, want one that starts with %s", hash, currentHash)
	}
	login(t, name)
}

// TestConcurrentFirstSignIns checks that concurrent first sign-ins with one identity create a single account.
func TestConcurrentFirstSignIns(t *testing.T) {
	pauseMailer(t)
	person := newPerson(t)
	before := countItems(t)
	callbacks := make([]func() response, callers)
	for i := range callbacks {
		callbacks[i] = person.prepareCallback(t)
	}
	responses := make([]response, callers)
	concurrently(t, callers, func(i int) (response, error) {
		responses[i] = callbacks[i]()
		return responses[i], nil
	})
	users := map[string]int{}
	for i, got := range responses {
		if got.Status != http.StatusOK {
			t.Fatalf("sign-in %d: got %v, want 200", i, got)
		}
		users[userID(t, got.Member("access_token"))]++
	}
	if len(users) != 1 {
		t.Errorf("got tokens of the users %v, want one user", users)
	}
	checkAdded(t, before, map[string]int{"E#": 1, "I#": 1})
}
