package limit

import "time"

// NewForgetful returns a Limiter that remembers at most the given number of buckets.
func NewForgetful(store Store, now func() time.Time, most int) *Limiter {
	return &Limiter{store: store, memory: newMemory(most), now: now}
}
