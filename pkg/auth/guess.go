package auth

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"latchkey/pkg/fault"
	"latchkey/pkg/id"
	"latchkey/pkg/reqlog"
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

// TryCount names a count of tries.
type TryCount struct {
	Account id.ID // or what stands for a name that no account has
	Epoch   uint64
	Device  id.ID // the device or session that has a count of its own; zero: all strangers
}

// Tries is how a count stands.
type Tries struct {
	Made    int       // with the one that has just been counted
	Slots   int       // taken so far
	Opens   time.Time // to the millisecond: when the next slot can be taken; zero: at once
	Tripped bool      // the owner has been told
}

// NoSlotError says that there is no slot. Opens is when there will be one, zero if the count has gone.
type NoSlotError struct{ Opens time.Time }

func (*NoSlotError) Error() string { return "no slot is open" }

// GuessStore is what counting tries needs of the store.
type GuessStore interface {
	// CountTry adds one to the count, which is kept until kept, and returns how it stands. Of several callers each gets
	// another number.
	CountTry(ctx context.Context, count TryCount, kept time.Time) (Tries, error)
	// TakeSlot takes the slot after seen, if that many are taken and it is open at now, and says when the next one opens;
	// otherwise it returns a *NoSlotError. Of several callers one gets it. One of its own that is found taken is a success.
	TakeSlot(ctx context.Context, count TryCount, seen int, now, next time.Time) error
	// Trip marks the count, keeps its first slot closed until opens unless one was taken, and queues the notice: all or
	// nothing, once. It does nothing to a count that is marked or gone.
	Trip(ctx context.Context, count TryCount, opens time.Time, notice Mail) error
	// ClearTries removes the count.
	ClearTries(ctx context.Context, count TryCount) error
}

// Guard slows guessing down.
type Guard struct {
	store   GuessStore
	devices *Devices
	now     Clock
	random  io.Reader
}

// NewGuard returns a Guard.
func NewGuard(store GuessStore, devices *Devices, now Clock, random io.Reader) *Guard {
	return &Guard{store: store, devices: devices, now: now, random: random}
}

// AbsentUser is the id that stands for a login name which no account has: its reads and counts are those of a known one. It
// follows from the name, so that a flood of unknown names spreads over the store's partitions.
func AbsentUser(canonical string) id.ID {
	sum := sha256.Sum256([]byte("absent\x00" + canonical))
	return id.ID(sum[:id.Size])
}

// countOf says where the try of a sign-in counts; user is the account that its name names, or zero.
func (g *Guard) countOf(ctx context.Context, user User, asked SignIn) TryCount {
	if user.ID.IsZero() {
		return TryCount{Account: AbsentUser(ParseLoginName(asked.Name).Canonical)}
	}
	count := TryCount{Account: user.ID, Epoch: user.Epoch}
	for _, caller := range Resolved(ctx) {
		if caller.User.ID == user.ID {
			count.Device = caller.Session.ID
		}
	}
	if device, known := g.devices.recognise(asked.Device, user); known {
		count.Device = device
	}
	return count
}

// admit counts a try and lets it through to its hash, or returns a [fault.Limited].
func (g *Guard) admit(ctx context.Context, count TryCount) (Tries, error) {
	now := g.now()
	tries, err := g.store.CountTry(ctx, count, wholeSeconds(now).Add(triesKept))
	switch {
	case err != nil:
		return Tries{}, fmt.Errorf("counting the try: %w", err)
	case tries.Made <= freeTries:
		return tries, nil
	case tries.Slots >= slots:
		return Tries{}, fault.TooManyRequests(maxDelay)
	case now.Before(tries.Opens):
		return Tries{}, fault.TooManyRequests(tries.Opens.Sub(now))
	}
	err = g.store.TakeSlot(ctx, count, tries.Slots, now, now.Add(delay(tries.Slots+1)))
	if late, is := errors.AsType[*NoSlotError](err); is {
		return Tries{}, fault.TooManyRequests(late.Opens.Sub(now))
	}
	if err != nil {
		return Tries{}, fmt.Errorf("taking a slot: %w", err)
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

// failed notes that a try was a wrong password, and tells the owner when it trips the count. A notice that cannot be queued now
// is queued by the next failure.
func (g *Guard) failed(ctx context.Context, count TryCount, tries Tries, user User) {
	if tries.Made < freeTries || tries.Tripped {
		return
	}
	now := g.now()
	notice := newMail(id.New(g.random), MailGuessing, user.Email.Canonical, now)
	notice.User = count.Account // the mailer finds nobody for a name that no account has
	if err := g.store.Trip(ctx, count, now.Add(delay(0)), notice); err != nil {
		reqlog.Add(ctx, slog.String("trip", err.Error()))
	}
}

// passed notes that a try was the right password. A count that cannot be cleared is cleared by the next success.
func (g *Guard) passed(ctx context.Context, count TryCount) {
	if err := g.store.ClearTries(ctx, count); err != nil {
		reqlog.Add(ctx, slog.String("clear_tries", err.Error()))
	}
}
