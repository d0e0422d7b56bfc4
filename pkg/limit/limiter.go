package limit

import (
	"context"
	"time"
)

const (
	// singles is how many permits of a bucket a container takes one at a time, before it takes blocks.
	singles = 10
	// block is how many it then takes at once.
	block = 10
)

// Limiter hands out permits. It is safe for concurrent use.
type Limiter struct {
	store  Store
	memory *memory
	now    func() time.Time
}

// New returns a Limiter that remembers nothing yet.
func New(store Store, now func() time.Time) *Limiter {
	return &Limiter{store: store, memory: newMemory(maxRemembered), now: now}
}

// TakeOne takes one permit of the bucket, counted exactly. An error is the store's, and says nothing about the limit.
func (l *Limiter) TakeOne(ctx context.Context, bucket Bucket) (Standing, error) {
	now := l.now()
	if held := l.memory.recall(keyOf(bucket), now); held.spent() {
		return standing(bucket, held, now, false), nil
	}
	return l.take(ctx, bucket, 1, now)
}

// TakeFromBlock is TakeOne for buckets that may be busy: from the eleventh permit in a window on they come in blocks, as long
// as the limit leaves room for one.
func (l *Limiter) TakeFromBlock(ctx context.Context, bucket Bucket) (Standing, error) {
	now := l.now()
	held, served := l.memory.use(keyOf(bucket), now)
	switch {
	case served:
		return standing(bucket, held, now, true), nil
	case held.spent():
		return standing(bucket, held, now, false), nil
	case held.used < singles:
		return l.take(ctx, bucket, 1, now)
	}
	taken, err := l.take(ctx, bucket, min(block, bucket.Limit), now)
	if err == nil && !taken.Granted && taken.Remaining > 0 {
		return l.take(ctx, bucket, 1, now)
	}
	return taken, err
}

// take asks the store for permits, uses one of them and remembers the rest.
func (l *Limiter) take(ctx context.Context, bucket Bucket, permits int, now time.Time) (Standing, error) {
	count, granted, err := l.store.TakePermits(ctx, bucket, permits, now, now.Truncate(time.Second).Add(window))
	if err != nil {
		return Standing{}, err
	}
	if !granted {
		permits = 0
	}
	held := l.memory.note(keyOf(bucket), count.End, max(0, bucket.Limit-count.Taken), permits, now)
	return standing(bucket, held, now, granted), nil
}

func standing(bucket Bucket, held holding, now time.Time, granted bool) Standing {
	return Standing{
		Granted:   granted,
		Limit:     bucket.Limit,
		Remaining: held.left + held.spare,
		Reset:     max(0, held.end.Sub(now)),
	}
}
