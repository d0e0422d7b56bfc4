package limit

import (
	"context"
	"crypto/sha256"
	"maps"
	"sync"
	"time"
)

const (
	// singles is the number of permits of a bucket that a container takes one at a time before it takes blocks.
	singles = 10
	// block is the number of permits in a block.
	block = 10
)

// Limiter takes permits from a store and remembers spent buckets. It is safe for concurrent use.
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
	if state := l.memory.recall(keyOf(bucket), now); state.spent() {
		return standing(bucket, state, now, false), nil
	}
	return l.take(ctx, bucket, 1, now)
}

// TakeFromBlock is like [Limiter.TakeOne], for buckets that may be busy. From the eleventh permit in a window, it takes
// permits from the store in blocks, while the limit leaves room for a block.
func (l *Limiter) TakeFromBlock(ctx context.Context, bucket Bucket) (Standing, error) {
	now := l.now()
	state, ok := l.memory.use(keyOf(bucket), now)
	switch {
	case ok:
		return standing(bucket, state, now, true), nil
	case state.spent():
		return standing(bucket, state, now, false), nil
	case state.used < singles:
		return l.take(ctx, bucket, 1, now)
	}
	result, err := l.take(ctx, bucket, min(block, bucket.Limit), now)
	if err == nil && !result.Granted && result.Remaining > 0 {
		return l.take(ctx, bucket, 1, now)
	}
	return result, err
}

// take takes permits from the store, uses one of them and remembers the others as spare.
func (l *Limiter) take(ctx context.Context, bucket Bucket, permits int, now time.Time) (Standing, error) {
	count, granted, err := l.store.TakePermits(ctx, bucket, permits, now, now.Truncate(time.Second).Add(window))
	if err != nil {
		return Standing{}, err
	}
	if !granted {
		permits = 0
	}
	state := l.memory.record(keyOf(bucket), count.End, max(0, bucket.Limit-count.Taken), permits, now)
	return standing(bucket, state, now, granted), nil
}

func standing(bucket Bucket, state windowState, now time.Time, granted bool) Standing {
	return Standing{
		Granted:   granted,
		Limit:     bucket.Limit,
		Remaining: state.left + state.spare,
		Reset:     max(0, state.end.Sub(now)),
	}
}

// maxRemembered is the number of buckets that a container remembers, in about a megabyte.
const maxRemembered = 8192

// key identifies a bucket in a fixed size, whatever the length of its holder.
type key [sha256.Size]byte

func keyOf(bucket Bucket) key { return sha256.Sum256([]byte(bucket.Scope + "\x00" + bucket.Holder)) }

// windowState is the current window of a bucket, as far as a container knows it.
type windowState struct {
	end   time.Time
	left  int // permits left in the store at the last call
	spare int // permits taken from the store and not yet used
	used  int // permits used in this container
}

// spent reports whether no permit is left, neither in the store nor in this container.
func (s windowState) spent() bool { return !s.end.IsZero() && s.left == 0 && s.spare == 0 }

// memory holds the state of each bucket until its window ends.
type memory struct {
	mu      sync.Mutex
	windows map[key]windowState
	most    int
}

func newMemory(most int) *memory { return &memory{windows: make(map[key]windowState), most: most} }

// recall returns the state of a bucket at now, or the zero value if none is known or the window has ended.
func (m *memory) recall(bucket key, now time.Time) windowState {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.current(bucket, now)
}

func (m *memory) current(bucket key, now time.Time) windowState {
	state := m.windows[bucket]
	if !now.Before(state.end) {
		return windowState{}
	}
	return state
}

// use uses a spare permit and reports whether there was one.
func (m *memory) use(bucket key, now time.Time) (windowState, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	state := m.current(bucket, now)
	if state.spare == 0 {
		return state, false
	}
	state.spare--
	state.used++
	m.windows[bucket] = state
	return state, true
}

// record updates the state of a bucket after a call to the store, which left the given number of permits there and granted
// others. If it granted any, one of them is used at once.
func (m *memory) record(bucket key, end time.Time, left, granted int, now time.Time) windowState {
	m.mu.Lock()
	defer m.mu.Unlock()
	state := m.current(bucket, now)
	if !state.end.Equal(end) {
		state = windowState{end: end}
	}
	state.left = left
	if granted > 0 {
		state.used++
		state.spare += granted - 1
	}
	m.evict(now)
	m.windows[bucket] = state
	return state
}

// evict makes room for another bucket. It deletes the windows that have ended, and all windows if that is not enough. The
// latter happens only in a flood from very many sources, and costs one write for each deleted bucket.
func (m *memory) evict(now time.Time) {
	if len(m.windows) < m.most {
		return
	}
	maps.DeleteFunc(m.windows, func(_ key, state windowState) bool { return !now.Before(state.end) })
	if len(m.windows) >= m.most {
		clear(m.windows)
	}
}
