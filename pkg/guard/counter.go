package guard

import (
	"context"
	"time"

	"latchkey/pkg/id"
	"latchkey/pkg/outbox"
)

const (
	freeAttempts = 5                // hashed without a delay
	slots        = 95               // hashed after a delay; with the free attempts, 100 failures
	minDelay     = 15 * time.Second // before the first slot; doubles with each further slot
	maxDelay     = 15 * time.Minute
)

// retention is how long a counter is kept after its last attempt. The store may delete it later, which only delays attempts
// longer.
const retention = 365 * 24 * time.Hour

// Counter identifies a counter of attempts.
type Counter struct {
	Account id.ID // the user, or the id derived from a login name without an account
	Epoch   uint64
	Device  id.ID // the device or session with its own counter; zero for the counter of all others
}

// Count is the state of a counter.
type Count struct {
	Attempts   int       // including the one just counted
	SlotsTaken int       // slots taken so far
	OpensAt    time.Time // when the next slot opens, to the millisecond; zero if it is open
	Reported   bool      // the owner has been notified
}

// NoSlotError reports that no slot is open. OpensAt is when the next one opens, and zero if the counter no longer exists.
type NoSlotError struct{ OpensAt time.Time }

func (*NoSlotError) Error() string { return "no slot is open" }

// Store is the part of the store that counts attempts.
type Store interface {
	// CountAttempt adds one to the counter, extends its retention to kept, and returns the new state. Concurrent callers
	// get different numbers.
	CountAttempt(ctx context.Context, counter Counter, kept time.Time) (Count, error)
	// TakeSlot takes the next slot if exactly seen slots are taken and the slot is open at now, and sets next as the time at
	// which the following slot opens. Otherwise it returns a *NoSlotError. Of concurrent callers one gets the slot. If the
	// store finds that this call's own write already took the slot, it returns nil.
	TakeSlot(ctx context.Context, counter Counter, seen int, now, next time.Time) error
	// ReportGuessing marks the counter as reported, closes its first slot until opens unless a slot was already taken, and
	// queues the notice: all or nothing. It does nothing if the counter is already marked or no longer exists.
	ReportGuessing(ctx context.Context, counter Counter, opens time.Time, notice outbox.Mail) error
	// ClearAttempts deletes the counter.
	ClearAttempts(ctx context.Context, counter Counter) error
}
