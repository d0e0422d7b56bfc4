// Package guard slows down guessing at passwords without locking owners out.
//
// It counts attempts before their hash is computed, and recognises devices on which the owner has signed in before.
package guard

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"latchkey/pkg/account"
	"latchkey/pkg/clock"
	"latchkey/pkg/fault"
	"latchkey/pkg/id"
	"latchkey/pkg/outbox"
	"latchkey/pkg/reqlog"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
)

// The life of a count of tries
//
// Every try at a password is counted before its hash is computed, so that parallel ones cannot outrun the count.
//
//	             try 1–5: hashed at once             the 5th fails: trips
//	(no count) ──────────────────────────▶ free(n) ───────────────────────▶ slow(s = 0, opens in 15 s)
//	     ▲                                    │                                │  ▲    │
//	     │            a right password        │            a try after it opens│  └────┘
//	     ├────────────────────────────────────┘            takes a slot: hashed, s+1, opens in twice the time
//	     │            a right password, in a slot                              │
//	     ├─────────────────────────────────────────────────────────────────────┤
//	     │            a new epoch (reset)                                       ▼  s = 95
//	     └──────────────────────────────────────────────────────────────── stopped
//
// free: five tries are hashed whatever they bring. slow: a try needs a slot, of which there is one at a time: the conditional
// write that takes it also says when the next one opens, 30 s later, then 60, up to 15 minutes. A try without one is answered
// with 429 and the time to wait; nothing is hashed. stopped: after 100 hashed failures only a reset helps (NIST SP 800-63B-4
// §3.2.2). Whatever n was seen, no more than 5 + s hashes were computed.
//
// Trips once: one transaction marks the count and queues the notice to the owner, on the condition that it is not marked. It
// comes after the fifth failure, not before its hash, so that who remembers the password at last alarms nobody.
//
// Whose tries. The account's, for all who are strangers to it, under its id: username and address count together. A device
// that the owner has signed in on, or a live session of the account, has a count of its own with the same rules; strangers
// cannot touch it, so they keep no owner out, and a thief of the device gets no more than they do. Names that no account has
// are counted under an id that follows from the name, by the same calls with the same answers: they cannot be told apart.
// Counts are per epoch: what a reset ends it need not find.
//
// A lost answer: the SDK repeats the count, and a try counts twice. A slot whose answer was lost is known again. A process
// killed after its count has made a try; killed after a failure, before it trips: the next failure trips. Killed after
// success: the count stays, and the next success clears it.
//
// A right password clears the count by deleting it. A try that was counted before and fails later finds nothing to trip.

const (
	freeTries = 5                // hashed at once
	slots     = 95               // hashed after a delay; 100 failures in all
	minDelay  = 15 * time.Second // before the first slot, doubled for each further one
	maxDelay  = 15 * time.Minute
)

// triesKept is how long a count is kept after its last try. What the store sweeps late counts on, which is the safe side.
const triesKept = 365 * 24 * time.Hour

// Counter names a count of tries.
type Counter struct {
	Account id.ID // or what stands for a name that no account has
	Epoch   uint64
	Device  id.ID // the device or session that has a count of its own; zero: all strangers
}

// Count is how a count stands.
type Count struct {
	Attempts   int       // with the one that has just been counted
	SlotsTaken int       // taken so far
	OpensAt    time.Time // to the millisecond: when the next slot can be taken; zero: at once
	Reported   bool      // the owner has been told
}

// NoSlotError says that there is no slot. Opens is when there will be one, zero if the count has gone.
type NoSlotError struct{ OpensAt time.Time }

func (*NoSlotError) Error() string { return "no slot is open" }

// Store is what counting tries needs of the store.
type Store interface {
	// CountAttempt adds one to the count, which is kept until kept, and returns how it stands. Of several callers each gets
	// another number.
	CountAttempt(ctx context.Context, count Counter, kept time.Time) (Count, error)
	// TakeSlot takes the slot after seen, if that many are taken and it is open at now, and says when the next one opens;
	// otherwise it returns a *NoSlotError. Of several callers one gets it. One of its own that is found taken is a success.
	TakeSlot(ctx context.Context, count Counter, seen int, now, next time.Time) error
	// ReportGuessing marks the count, keeps its first slot closed until opens unless one was taken, and queues the notice: all or
	// nothing, once. It does nothing to a count that is marked or gone.
	ReportGuessing(ctx context.Context, count Counter, opens time.Time, notice outbox.Mail) error
	// ClearAttempts removes the count.
	ClearAttempts(ctx context.Context, count Counter) error
}

// Guard slows guessing down.
type Guard struct {
	store   Store
	devices *Devices
	now     clock.Clock
	random  io.Reader
}

// New returns a Guard.
func New(store Store, devices *Devices, now clock.Clock, random io.Reader) *Guard {
	return &Guard{store: store, devices: devices, now: now, random: random}
}

// Remember returns the cookie for the device on which user has just signed in; sent is the one that the browser sent.
func (g *Guard) Remember(sent secret.String, user account.User) secret.String {
	return g.devices.Remember(sent, user)
}

// Counter says where the try of a sign-in counts; user is the account that its name names, or zero.
func (g *Guard) Counter(user account.User, attempt Attempt) Counter {
	if user.ID.IsZero() {
		return Counter{Account: account.AbsentUserID(account.ParseLoginName(attempt.Name).Canonical)}
	}
	count := Counter{Account: user.ID, Epoch: user.Epoch}
	for _, principal := range attempt.Principals {
		if principal.User.ID == user.ID {
			count.Device = principal.Session.ID
		}
	}
	if device, known := g.devices.recognise(attempt.Device, user); known {
		count.Device = device
	}
	return count
}

// Admit counts a try and lets it through to its hash, or returns a [fault.Limited].
func (g *Guard) Admit(ctx context.Context, count Counter) (Count, error) {
	now := g.now()
	tries, err := g.store.CountAttempt(ctx, count, clock.WholeSeconds(now).Add(triesKept))
	switch {
	case err != nil:
		return Count{}, fmt.Errorf("counting the try: %w", err)
	case tries.Attempts <= freeTries:
		return tries, nil
	case tries.SlotsTaken >= slots:
		return Count{}, fault.TooManyRequests(maxDelay)
	case now.Before(tries.OpensAt):
		return Count{}, fault.TooManyRequests(tries.OpensAt.Sub(now))
	}
	err = g.store.TakeSlot(ctx, count, tries.SlotsTaken, now, now.Add(delay(tries.SlotsTaken+1)))
	if late, is := errors.AsType[*NoSlotError](err); is {
		return Count{}, fault.TooManyRequests(late.OpensAt.Sub(now))
	}
	if err != nil {
		return Count{}, fmt.Errorf("taking a slot: %w", err)
	}
	return tries, nil
}

// delay is how long the slot after so many is closed.
func delay(taken int) time.Duration {
	if taken >= 6 {
		return maxDelay
	}
	return minDelay << taken
}

// RecordFailure notes that a try was a wrong password, and tells the owner when it trips the count. A notice that cannot be queued now
// is queued by the next failure.
func (g *Guard) RecordFailure(ctx context.Context, count Counter, tries Count, user account.User) {
	if tries.Attempts < freeTries || tries.Reported {
		return
	}
	now := g.now()
	notice := outbox.NewMail(id.New(g.random), outbox.Guessing, user.Email.Canonical, now)
	notice.User = count.Account // the mailer finds nobody for a name that no account has
	if err := g.store.ReportGuessing(ctx, count, now.Add(delay(0)), notice); err != nil {
		reqlog.Add(ctx, slog.String("trip", err.Error()))
	}
}

// RecordSuccess notes that a try was the right password. A count that cannot be cleared is cleared by the next success.
func (g *Guard) RecordSuccess(ctx context.Context, count Counter) {
	if err := g.store.ClearAttempts(ctx, count); err != nil {
		reqlog.Add(ctx, slog.String("clear_tries", err.Error()))
	}
}

// Attempt is what somebody shows to sign in.
type Attempt struct {
	Name     string // a username or an address, as typed
	Password secret.String
	Device   secret.String // the value of the device cookie; empty for none

	// Principals are the callers whose live sessions the request presents. They only decide where the attempt is counted.
	Principals []session.Principal
}
