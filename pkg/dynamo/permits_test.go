package dynamo_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/pkg/limit"
)

func TestPermits(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		bucket := limit.Bucket{Scope: "scope", Holder: "alice", Limit: 5}
		first := now.Truncate(time.Second).Add(time.Minute)
		second := first.Add(time.Minute)
		for _, step := range []struct {
			what    string
			permits int
			now     time.Time
			end     time.Time
			taken   int
			windows time.Time
			granted bool
		}{
			{"the first", 1, now, first, 1, first, true},
			{"a block", 3, now, second, 4, first, true},
			{"more than are left", 2, now, second, 4, first, false},
			{"the last", 1, first.Add(-time.Nanosecond), second, 5, first, true},
			{"none left", 1, first.Add(-time.Nanosecond), second, 5, first, false},
			{"a new window in place of the one that ends now", 2, first, second, 2, second, true},
			{"it counts in turn", 3, first, second, 5, second, true},
			{"and is spent", 1, first, second, 5, second, false},
		} {
			count, granted, err := f.TakePermits(t.Context(), bucket, step.permits, step.now, step.end)
			if err != nil || granted != step.granted || count.Taken != step.taken || !count.End.Equal(step.windows) {
				t.Errorf("%s: %+v, granted %v, error %v", step.what, count, granted, err)
			}
		}
		if keys := f.tables.Keys(t); len(keys) != 1 {
			t.Errorf("the tables hold %v", keys)
		}
	})
}

// TestOfManyPermitsAtOnceSoManyAreGiven, in a window that is begun and in one that takes the place of another.
func TestOfManyPermitsAtOnceSoManyAreGiven(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		bucket := limit.Bucket{Scope: "scope", Holder: "alice", Limit: 7}
		for _, at := range []time.Time{now, now.Add(time.Minute)} {
			var granted atomic.Int32
			var all sync.WaitGroup
			for range 32 {
				all.Go(func() {
					_, given, err := f.TakePermits(t.Context(), bucket, 1, at, at.Truncate(time.Second).Add(time.Minute))
					if err != nil {
						t.Error(err)
					}
					if given {
						granted.Add(1)
					}
				})
			}
			all.Wait()
			if granted.Load() != 7 {
				t.Errorf("%d of 7 permits were given", granted.Load())
			}
		}
	})
}
