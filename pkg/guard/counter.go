package guard

import (
	"context"
	"time"

	"latchkey/pkg/account"
	"latchkey/pkg/id"
	"latchkey/pkg/limit"
	"latchkey/pkg/outbox"
)

const (
	freeAttempts = 5                // hashed without a delay
	slots        = 95               // hashed after a delay; with the free attempts, 100 failures
	minDelay     = 15 * time.Second // before the first slot; doubles with each further slot
	maxDelay     = 15 * time.Minute
)

// retention is how long a counter is kept after its last attempt. The store may delete it later.
const retention = 365 * 24 * time.Hour

// Counter identifies a counter of attempts.
type Counter struct {
	Account id.ID // the user, or the id derived from a login name without an account
	Epoch   uint64
	Device  id.ID // the device or session with its own counter; zero for the counter of all others
}

// Count is the state of a counter.
type Count struct {
	Attempts int // ever, including the one just counted
	Streak   Streak
}

// Streak is what a counter holds about the attempts since a correct password.
type Streak struct {
	After      int       // the number of attempts that had been forgiven when it began
	SlotsTaken int       // slots taken in it
	OpensAt    time.Time // when the next slot opens, to the millisecond; zero if it is open
	Reported   bool      // the owner has been notified
}

// since returns the attempts that are not forgiven, and their streak. The streak is empty if the stored one has been forgiven.
//
// The store deletes a counter a year after its last attempt. The next one then begins at one, below the number that the account
// has forgiven, and none of its attempts is forgiven. A stored streak that began later than forgiven shows that forgiven was read
// before another attempt succeeded.
func (c Count) since(forgiven int) (attempts int, streak Streak) {
	if c.Attempts <= forgiven {
		forgiven = 0
	}
	forgiven = max(forgiven, c.Streak.After)
	if c.Streak.After == forgiven {
		return c.Attempts - forgiven, c.Streak
	}
	return c.Attempts - forgiven, Streak{After: forgiven}
}

// NoSlotError reports that no slot is open. OpensAt is when the next one opens, and zero if the counter no longer exists.
type NoSlotError struct{ OpensAt time.Time }

func (*NoSlotError) Error() string { return "no slot is open" }

// Store is the part of the store that admits attempts.
type Store interface {
	// FindAccount returns the id of the account with the login name, or account.AbsentUserID, and the count of the window, in one
	// consistent read.
	FindAccount(ctx context.Context, login account.LoginName, window limit.Window) (user id.ID, taken int, err error)
	// ReadUser returns an account in a consistent read, or account.ErrNotFound. It makes the same calls in both cases.
	ReadUser(ctx context.Context, user id.ID) (account.User, error)

	// CountAttempt adds one to the counter, extends its retention to kept, and returns the new state. Concurrent callers
	// get different numbers.
	CountAttempt(ctx context.Context, counter Counter, kept time.Time) (Count, error)
	// TakeSlot replaces the streak seen by next, if the counter still has it and its slot is open at now. If next begins a streak,
	// the slot of the former one does not matter. Otherwise it returns a *NoSlotError. Of concurrent callers one gets the slot. If
	// the store finds that this call's own write already took the slot, it returns nil.
	TakeSlot(ctx context.Context, counter Counter, seen, next Streak, now time.Time) error
	// ReportGuessing marks the streak seen as reported, closes its first slot until opens unless a slot was already taken, and
	// queues the notice: all or nothing. If next begins a streak, it replaces the former one. It does nothing if the streak is
	// already marked or no longer the stored one.
	ReportGuessing(ctx context.Context, counter Counter, seen, next Streak, notice outbox.Mail) error
}
