package dynamo_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/pkg/limit"
)

func TestTakePermits(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		bucket := limit.Bucket{Scope: "scope", Holder: "alice", Limit: 5}
		first := now.Truncate(time.Second).Add(time.Minute)
		second := first.Add(time.Minute)
		lastMoment := first.Add(-time.Nanosecond)
		for _, step := range []struct {
			name    string
			permits int
			now     time.Time
			end     time.Time
			want    limit.Count
			granted bool
		}{
			{"the first permit", 1, now, first, limit.Count{Taken: 1, End: first}, true},
			{"several permits", 3, now, second, limit.Count{Taken: 4, End: first}, true},
			{"more permits than are left", 2, now, second, limit.Count{Taken: 4, End: first}, false},
			{"the last permit", 1, lastMoment, second, limit.Count{Taken: 5, End: first}, true},
			{"a permit when none is left", 1, lastMoment, second, limit.Count{Taken: 5, End: first}, false},
			{"a permit of the next window", 2, first, second, limit.Count{Taken: 2, End: second}, true},
			{"the rest of the next window", 3, first, second, limit.Count{Taken: 5, End: second}, true},
			{"a permit when none of it is left", 1, first, second, limit.Count{Taken: 5, End: second}, false},
		} {
			got, granted, err := f.TakePermits(t.Context(), bucket, step.permits, step.now, step.end)
			if err != nil || granted != step.granted || got.Taken != step.want.Taken || !got.End.Equal(step.want.End) {
				t.Errorf("%s: got %+v, granted %t, error %v, want %+v, granted %t", step.name, got, granted, err, step.want, step.granted)
			}
		}
		wantItems(t, f, 1)
	})
}

// TestConcurrentPermits takes permits of a new window, and of a window that replaces one that has ended.
func TestConcurrentPermits(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		bucket := limit.Bucket{Scope: "scope", Holder: "alice", Limit: 7}
		for _, at := range []time.Time{now, now.Add(time.Minute)} {
			var granted atomic.Int32
			var callers sync.WaitGroup
			for range 32 {
				callers.Go(func() {
					_, ok, err := f.TakePermits(t.Context(), bucket, 1, at, at.Truncate(time.Second).Add(time.Minute))
					if err != nil {
						t.Errorf("got error %v, want none", err)
					}
					if ok {
						granted.Add(1)
					}
				})
			}
			callers.Wait()
			if granted.Load() != 7 {
				t.Errorf("at %v: got %d permits of 32 requests, want 7", at, granted.Load())
			}
		}
	})
}
