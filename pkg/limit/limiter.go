package limit

import (
	"context"
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
