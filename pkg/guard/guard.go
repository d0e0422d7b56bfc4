// Package guard slows down password guessing without locking account owners out.
//
// It decides which password attempts are hashed. It counts every attempt before its hash is computed, delays attempts after
// repeated failures, limits the attempts of a source, and recognizes devices on which the owner has signed in before. It does not
// compare passwords, which package signin does.
//
// Of the rules it imports account, session and outbox.
package guard

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"time"

	"latchkey/pkg/account"
	"latchkey/pkg/clock"
	"latchkey/pkg/fault"
	"latchkey/pkg/id"
	"latchkey/pkg/limit"
	"latchkey/pkg/outbox"
	"latchkey/pkg/reqlog"
	"latchkey/pkg/secret"
)

// The life of a counter
//
// A counter belongs to an account. An attempt is counted before its hash is computed, so parallel attempts cannot outrun the
// counter. The number of attempts only grows. A correct password forgives the attempts up to its own: the write that records the
// login also records their number in the account. n is the number of attempts since then.
//
//	               attempts 1–5: hashed at once    the 5th fails: reported
//	n = 0 ───────────────────────────────▶ free(n) ───────────────────────▶ delayed(s = 0, opens in 15 s)
//	     ▲                                    │                                │  ▲    │
//	     │                 a correct password │         an attempt once open   │  └────┘
//	     ├────────────────────────────────────┘         takes a slot: hashed, s+1, opens in twice the time
//	     │                 a correct password, in a slot                       │
//	     ├─────────────────────────────────────────────────────────────────────┤
//	     │                 a new epoch (reset)                                 ▼  s = 95
//	     └──────────────────────────────────────────────────────────────── exhausted
//
// free: The first five attempts are hashed, whether they succeed or fail.
//
// delayed: An attempt needs a slot, and there is one slot at a time. The conditional write that takes a slot also sets the
// time at which the next one opens: 30 seconds later, then 60, up to 15 minutes. An attempt without a slot is refused with
// 429 and the time to wait, and nothing is hashed.
//
// exhausted: After 100 hashed failures only a reset helps (NIST SP 800-63B-4 §3.2.2). However high n is, at most 5 + s
// hashes were computed.
//
// A streak. The slots and the report belong to the streak of attempts since a correct password. The counter names its streak by
// the number of attempts that were forgiven when it began. A success therefore writes nothing to the counter: an attempt that finds
// the streak of a former number begins a new one.
//
// The report. One transaction marks the streak as reported and queues the notice to the owner, on the condition that the
// streak is not marked, so there is one notice per streak. The report follows the fifth failure and does not precede its
// hash, so a user who remembers the password at the fifth attempt causes no notice.
//
// The choice of the counter. Unknown callers share one counter of an account under its id, so attempts by username
// and by address count together. A device on which the owner has signed in, or a live session of the account, has a counter of
// its own with the same rules. Others cannot change that counter, so they cannot lock the owner out. The number forgiven to a device
// is in its cookie, and a session has none. Once its own counter refuses an attempt, a device or session counts like an unknown
// caller, so a client that keeps an old cookie is never worse off than one without. A login name without an
// account is counted under an id derived from the name, with the same calls and the same responses, so the two cases look alike.
// Counters belong to an epoch, so a reset does not have to find the counters that it ends.
//
// The limits of a source. All attempts of a source take a permit of the minute, and failed ones are counted exactly. Once a source
// has used up its failures, it gets only the first attempts at an account: other people behind the address can still sign in with a
// password typed correctly at the first or second attempt, and an attacker there cannot repeat a guess. Each failure beyond the limit
// gets the response of a limit. Attempts of an owner's device or session at the owner's account do not count for the source, but
// for the account.
//
// Lost responses. If the response to a count is lost, the SDK repeats the write and the attempt counts twice. If the response
// to a slot is lost, the repeated write finds that it took the slot itself.
//
// Crashes. A process that dies after it counted has used up an attempt. If it dies after a failure and before the report, the
// next failure makes the report.
//
// Invariants, each covered by a test:
//   - Of any number of concurrent wrong attempts at a counter, at most 5 + the open slots are hashed, and all are counted.
//   - A correct password forgives all earlier attempts, and no later one.
//   - A streak has one notice.
//   - No attempt of an unknown caller changes the counter of a device or session.

// Quotas holds the limits of password attempts per minute. Failures counts the failed ones of a source.
type Quotas struct {
	OfSource, OfAccount, Failures limit.Quota
}

// permits grants permits.
type permits interface {
	// TakeOne takes one permit, counted exactly.
	TakeOne(ctx context.Context, bucket limit.Bucket) (limit.Standing, error)
	// Take takes one permit of a bucket that is counted locally at first.
	Take(ctx context.Context, bucket limit.Bucket) (limit.Standing, error)
}

// Guard slows down password guessing.
type Guard struct {
	store   Store
	permits permits
	quotas  Quotas
	devices *Devices
	now     clock.Clock
	random  io.Reader
}

// New returns a Guard. random must be a cryptographic source that cannot fail.
func New(store Store, permits permits, quotas Quotas, devices *Devices, now clock.Clock, random io.Reader) *Guard {
	return &Guard{store: store, permits: permits, quotas: quotas, devices: devices, now: now, random: random}
}

// Admit counts an attempt and decides whether its password is hashed. It returns a [fault.Limited] with the time to wait if not. The
// Standing of the admission is valid in both cases.
func (g *Guard) Admit(ctx context.Context, attempt Attempt) (Admission, error) {
	var a Admission
	familiar := g.familiar(attempt)
	if len(familiar) == 0 { // a flood of strangers costs no call
		if err := g.takeAttempt(ctx, &a, g.quotas.OfSource.Of(attempt.Source)); err != nil {
			return a, err
		}
	}
	failures := g.quotas.Failures.Of(attempt.Source).At(g.now())
	failed, err := g.find(ctx, &a, attempt.Name, failures)
	if err != nil {
		return a, err
	}
	if known := recognize(familiar, a.User); !known.Device.IsZero() {
		err := g.admitFamiliar(ctx, &a, known)
		if refused := fault.From(err); refused == nil || refused.Kind != fault.Limited {
			return a, err
		}
	}
	if len(familiar) > 0 {
		if err := g.takeAttempt(ctx, &a, g.quotas.OfSource.Of(attempt.Source)); err != nil {
			return a, err
		}
	}
	return a, g.admitStranger(ctx, &a, failures, failed)
}

// find finds the account of a login name, and returns the count of the window. The two reads are the same for a name without an account.
func (g *Guard) find(ctx context.Context, a *Admission, name string, window limit.Window) (taken int, err error) {
	a.account, taken, err = g.store.FindAccount(ctx, account.ParseLoginName(name), window)
	if err != nil {
		return 0, fmt.Errorf("finding the account: %w", err)
	}
	a.User, err = g.store.ReadUser(ctx, a.account)
	if err != nil && !errors.Is(err, account.ErrNotFound) {
		return 0, fmt.Errorf("reading the account: %w", err)
	}
	return taken, nil
}

// familiar returns the devices and sessions that the request presents, whether or not they belong to the account that it names.
func (g *Guard) familiar(attempt Attempt) []Familiar {
	all := g.devices.read(attempt.Device)
	for _, principal := range attempt.Principals {
		all = append(all, Familiar{User: principal.User.ID, Epoch: principal.User.Epoch, Device: principal.Session.ID})
	}
	return all
}

// recognize returns the first device or session that belongs to the account, or zero.
func recognize(familiar []Familiar, user account.User) Familiar {
	for _, each := range familiar {
		if each.belongsTo(user) {
			return each
		}
	}
	return Familiar{}
}

// takeAttempt takes a permit for an attempt. While the store is unavailable it lets the attempt pass, because the store is needed
// to continue.
func (g *Guard) takeAttempt(ctx context.Context, a *Admission, bucket limit.Bucket) error {
	standing, err := g.permits.Take(ctx, bucket)
	if err != nil {
		reqlog.Add(ctx, slog.String("limiter", err.Error()))
		return nil
	}
	a.Standing = standing
	if !standing.Granted {
		return fault.TooManyRequests(standing.Reset)
	}
	return nil
}

// admitFamiliar admits an attempt at the account that the caller's device or session belongs to.
func (g *Guard) admitFamiliar(ctx context.Context, a *Admission, known Familiar) error {
	holder := known.User.String() + "#" + strconv.FormatUint(known.Epoch, 10)
	if err := g.takeAttempt(ctx, a, g.quotas.OfAccount.Of(holder)); err != nil {
		return err
	}
	a.counter = Counter{Account: known.User, Epoch: known.Epoch, Device: known.Device}
	if err := g.countAttempt(ctx, a, known.Forgiven); err != nil {
		return err
	}
	a.own = known
	a.own.Forgiven = a.count.Attempts
	return g.delay(ctx, a)
}

// firstAttempts is the number of attempts at an account, since its last correct password, that a source gets without failures left.
const firstAttempts = 2

// admitStranger admits an attempt of an unknown caller. failed is the number of failed attempts in the window.
func (g *Guard) admitStranger(ctx context.Context, a *Admission, failures limit.Window, failed int) error {
	a.counter = Counter{Account: a.account, Epoch: a.User.Epoch}
	a.failures = failures.Bucket
	if err := g.countAttempt(ctx, a, a.User.Forgiven); err != nil {
		return err
	}
	if failed >= failures.Limit && a.attempts > firstAttempts {
		a.Standing = failures.Standing(false, failed, g.now())
		return fault.TooManyRequests(a.Standing.Reset)
	}
	return g.delay(ctx, a)
}

// countAttempt counts an attempt at the counter of the admission. forgiven is the number of its attempts that are forgiven.
func (g *Guard) countAttempt(ctx context.Context, a *Admission, forgiven int) error {
	count, err := g.store.CountAttempt(ctx, a.counter, clock.WholeSeconds(g.now()).Add(retention))
	if err != nil {
		return fmt.Errorf("counting the attempt: %w", err)
	}
	a.count = count
	a.attempts, a.streak = count.since(forgiven)
	return nil
}

// delay refuses an attempt that needs a slot and gets none.
func (g *Guard) delay(ctx context.Context, a *Admission) error {
	now := g.now()
	switch {
	case a.attempts <= freeAttempts:
		return nil
	case a.streak.SlotsTaken >= slots:
		return fault.TooManyRequests(maxDelay)
	case now.Before(a.streak.OpensAt):
		return fault.TooManyRequests(a.streak.OpensAt.Sub(now))
	}
	next := a.streak
	next.SlotsTaken++
	next.OpensAt = now.Add(delayAfter(next.SlotsTaken))
	err := g.store.TakeSlot(ctx, a.counter, a.count.Streak, next, now)
	if closed, is := errors.AsType[*NoSlotError](err); is {
		return fault.TooManyRequests(closed.OpensAt.Sub(now))
	}
	if err != nil {
		return fmt.Errorf("taking a slot: %w", err)
	}
	a.count.Streak, a.streak = next, next
	return nil
}

// delayAfter returns the time until the next slot opens, given the number of slots taken.
func delayAfter(taken int) time.Duration {
	if taken >= 6 {
		return maxDelay
	}
	return minDelay << taken
}

// RecordFailure records that the password of an admitted attempt was wrong, and notifies the owner at the fifth failure. It returns
// a [fault.Limited] for a failure over the limit of the source.
func (g *Guard) RecordFailure(ctx context.Context, a *Admission) error {
	g.report(ctx, a)
	if a.failures.Limit == 0 {
		return nil
	}
	standing, err := g.permits.TakeOne(ctx, a.failures)
	if err != nil {
		return fmt.Errorf("counting the failure: %w", err)
	}
	a.Standing = a.Standing.Closer(standing)
	if !standing.Granted {
		return fault.TooManyRequests(standing.Reset)
	}
	return nil
}

// report queues the notice to the owner if it is due. If that fails, the next failure queues it.
func (g *Guard) report(ctx context.Context, a *Admission) {
	if a.attempts < freeAttempts || a.streak.Reported {
		return
	}
	now := g.now()
	notice := outbox.NewMail(id.New(g.random), outbox.Guessing, a.User.Email.Canonical, now)
	notice.User = a.counter.Account // the mailer finds no user for a login name without an account
	next := Streak{After: a.streak.After, OpensAt: now.Add(delayAfter(0)), Reported: true}
	if err := g.store.ReportGuessing(ctx, a.counter, a.count.Streak, next, notice); err != nil {
		reqlog.Add(ctx, slog.String("report_guessing", err.Error()))
	}
}

// Remember returns the cookie for the device on which the user of an admitted attempt has just signed in.
func (g *Guard) Remember(attempt Attempt, a Admission, user account.User) secret.String {
	return g.devices.remember(attempt.Device, user, a.own)
}
