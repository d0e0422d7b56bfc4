package dynamo_test

import (
	"sync"
	"testing"
	"time"

	"latchkey/pkg/limit"
)

func TestTakePermits(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		bucket := limit.Quota{Scope: "scope", Limit: 5}.Of("alice")
		for _, step := range []struct {
			name    string
			window  limit.Window
			permits int
			want    int
		}{
			{"the first permit", bucket.At(now), 1, 1},
			{"several permits", bucket.At(now), 3, 4},
			{"more permits than the limit", bucket.At(now), 3, 7},
			{"permits of the next minute", bucket.At(now.Add(time.Minute)), 2, 2},
			{"permits of another holder", limit.Quota{Scope: "scope", Limit: 5}.Of("bob").At(now), 1, 1},
			{"permits of another scope", limit.Quota{Scope: "other", Limit: 5}.Of("alice").At(now), 1, 1},
			{"a permit of the first minute, late", bucket.At(now), 1, 8},
		} {
			got, err := f.TakePermits(t.Context(), step.window, step.permits)
			if err != nil || got != step.want {
				t.Errorf("%s: got %d, error %v, want %d", step.name, got, err, step.want)
			}
		}
		wantItems(t, f, 4)
	})
}

// TestConcurrentPermits ensures that concurrent callers get different counts.
func TestConcurrentPermits(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		window := limit.Quota{Scope: "scope", Limit: 7}.Of("alice").At(now)
		var mu sync.Mutex
		seen := map[int]bool{}
		var callers sync.WaitGroup
		for range 32 {
			callers.Go(func() {
				taken, err := f.TakePermits(t.Context(), window, 1)
				if err != nil {
					t.Errorf("got error %v, want none", err)
				}
				mu.Lock()
				defer mu.Unlock()
				seen[taken] = true
			})
		}
		callers.Wait()
		if len(seen) != 32 {
			t.Errorf("got %d different counts of 32 requests, want 32", len(seen))
		}
	})
}
