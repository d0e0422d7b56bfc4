package e2e_test

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
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
