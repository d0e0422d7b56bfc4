package e2e_test

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
)

// atOnce makes n requests at once and returns their statuses with how often each came.
func atOnce(t *testing.T, n int, request func(i int) (response, error)) map[int]int {
	t.Helper()
	var mu sync.Mutex
	statuses := map[int]int{}
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			<-start
			got, err := request(i)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			statuses[got.Status]++
		})
	}
	close(start)
	all.Wait()
	return statuses
}

// TestManyRegistrationsOfOneName: one account comes into being, and nothing of a loser stays.
func TestManyRegistrationsOfOneName(t *testing.T) {
	quiet(t)
	names := []string{"Alice", "alice", "ALICE", "Ａlice"}
	addresses := []string{"Alice@example.com", "alice@example.com", "ALICE@Example.COM"}
	before := kinds(t)
	statuses := atOnce(t, 32, func(i int) (response, error) {
		body := fmt.Sprintf(`{"username":%q,"email":%q,"password":"SecurePass123!"}`, names[i%len(names)], addresses[i%len(addresses)])
		return try(t.Context(), shared.URL, "POST", "/api/auth/register", body, "Content-Type: application/json")
	})
	if statuses[http.StatusCreated] != 1 || statuses[http.StatusForbidden] != 31 {
		t.Errorf("the statuses are %v", statuses)
	}
	after := kinds(t)
	for _, prefix := range []string{"U#", "N#", "E#", "S#", "O#"} {
		if added := after[prefix] - before[prefix]; added != 1 {
			t.Errorf("%d items %s were added", added, prefix)
		}
	}
}

// TestTwoAtOnceAreTwoProcesses: a function has one event at a time, so that a second one starts a second process.
func TestTwoAtOnceAreTwoProcesses(t *testing.T) {
	register(t, "twofold")
	statuses := atOnce(t, 4, func(int) (response, error) {
		return try(t.Context(), shared.URL, "POST", "/api/auth/login", credentials("twofold"), "Content-Type: application/json")
	})
	if statuses[http.StatusOK] != 4 {
		t.Errorf("the statuses are %v", statuses)
	}
	pids := shared.Host.Processes()["Login"]
	slices.Sort(pids)
	if len(slices.Compact(pids)) < 2 {
		t.Errorf("login runs in %v", pids)
	}
}
