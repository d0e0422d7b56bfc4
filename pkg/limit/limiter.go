package limit

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"
)

// Limiter takes permits from a store and remembers what it has taken. It is safe for concurrent use.
type Limiter struct {
	store  Store
	memory *memory
	now    func() time.Time
}

// New returns a Limiter with an empty memory.
func New(store Store, now func() time.Time) *Limiter {
	return &Limiter{store: store, memory: newMemory(maxRemembered), now: now}
}

// TakeOne takes one permit of the bucket and counts it exactly. An error comes from the store and does not mean a refusal.
func (l *Limiter) TakeOne(ctx context.Context, bucket Bucket) (Standing, error) {
	now := l.now()
	window := bucket.At(now)
	if known := l.memory.recall(window); known.spent {
		return window.Standing(false, bucket.Limit, now), nil
	}
	taken, err := l.store.TakePermits(ctx, window, 1)
	if err != nil {
		return Standing{}, err
	}
	if taken >= bucket.Limit {
		l.memory.update(window, func(count *localCount) { count.spent = true })
	}
	return window.Standing(taken <= bucket.Limit, taken, now), nil
}

// patience is the time for which Take waits for the store.
const patience = time.Second

// Take takes one permit of the bucket. It counts locally at first, and then takes permits from the store in blocks. An error comes
// from the store, or from waiting for it for more than a second, and does not mean a refusal.
func (l *Limiter) Take(ctx context.Context, bucket Bucket) (Standing, error) {
	now := l.now()
	window := bucket.At(now)
	var count localCount
	var granted bool
	var needed int
	l.memory.update(window, func(c *localCount) {
		granted, needed = c.take(bucket.Limit)
		count = *c
	})
	if needed == 0 {
		return window.Standing(granted, count.known(), now), nil
	}
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	total, err := l.store.TakePermits(waiting, window, needed)
	l.memory.update(window, func(c *localCount) {
		if err != nil {
			c.unreported += needed - block(bucket.Limit)
			return
		}
		granted = c.receive(total, needed, bucket.Limit)
		count = *c
	})
	if err != nil {
		return Standing{}, err
	}
	return window.Standing(granted, count.known(), now), nil
}

// share is the number of requests of a bucket that a container lets pass before it takes permits from the store.
func share(limit int) int { return limit / 6 }

// block is the number of permits that a container takes from the store at a time.
func block(limit int) int { return max(1, share(limit)/2) }

// localCount is what a container knows of a window.
type localCount struct {
	unreported int  // requests that passed without a permit of the store
	passed     int  // those, also once they have been reported
	spare      int  // permits taken from the store and not yet used
	total      int  // count in the store at the last call
	spent      bool // no permit is left in the store
}

// take lets a request pass without a call if it can. Otherwise needed is the number of permits to take from the store: those for
// the requests that were not reported, which count as reported from now on, and a block.
func (c *localCount) take(limit int) (granted bool, needed int) {
	switch {
	case c.spare > 0:
		c.spare--
		return true, 0
	case c.spent:
		return false, 0
	case c.passed < share(limit):
		c.passed++
		c.unreported++
		return true, 0
	}
	needed = c.unreported + block(limit)
	c.unreported = 0
	return false, needed
}

// receive records that the store counted the permits needed and returned a total. It reports whether one of the block is within
// the limit, and keeps the others that are.
func (c *localCount) receive(total, needed, limit int) bool {
	size := block(limit)
	within := min(size, max(0, limit-(total-size)))
	c.total = max(c.total, total)
	c.spent = c.spent || total >= limit
	if within == 0 {
		return false
	}
	c.spare += within - 1
	return true
}

// known returns the permits of the window that have been used, as far as the container knows.
func (c *localCount) known() int { return c.total + c.unreported - c.spare }

// maxRemembered is the number of windows that a container remembers, in about a megabyte.
const maxRemembered = 8192

// key identifies a window in a fixed size, whatever the length of its holder.
type key [sha256.Size]byte

func keyOf(bucket Bucket) key { return sha256.Sum256([]byte(bucket.Scope + "\x00" + bucket.Holder)) }

// memory holds what a container knows of each bucket in the current minute.
type memory struct {
	mu     sync.Mutex
	minute time.Time
	counts map[key]localCount
	most   int
}

func newMemory(most int) *memory { return &memory{counts: make(map[key]localCount), most: most} }

// recall returns what is known of a window.
func (m *memory) recall(window Window) localCount {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.minute.Equal(window.Start) {
		return localCount{}
	}
	return m.counts[keyOf(window.Bucket)]
}

// update changes what is known of a window. The counts of another minute are forgotten, and so are all counts if there are too
// many. The latter happens only in a flood from very many sources.
func (m *memory) update(window Window, change func(*localCount)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.minute.Equal(window.Start) {
		m.minute = window.Start
		clear(m.counts)
	}
	id := keyOf(window.Bucket)
	count, found := m.counts[id]
	if !found && len(m.counts) >= m.most {
		clear(m.counts)
	}
	change(&count)
	m.counts[id] = count
}
