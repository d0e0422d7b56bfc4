// Package guard slows down password guessing without locking account owners out.
//
// It counts every attempt before its hash is computed, delays attempts after repeated failures, and recognizes devices on
// which the owner has signed in before. It does not compare passwords, which package signin does, and it does not limit
// requests per minute, which package limit does.
//
// Of the rules it imports account, session and outbox.
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
)

// The life of a counter
//
// An attempt is counted before its hash is computed, so parallel attempts cannot outrun the counter.
//
//	               attempts 1–5: hashed at once    the 5th fails: reported
//	(no counter) ────────────────────────▶ free(n) ───────────────────────▶ delayed(s = 0, opens in 15 s)
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
// The report. One transaction marks the counter as reported and queues the notice to the owner, on the condition that the
// counter is not marked, so there is one notice per counter. The report follows the fifth failure and does not precede its
// hash, so a user who remembers the password at the fifth attempt causes no notice.
//
// The choice of the counter. Callers that an account does not know share one counter under its id, so attempts by username
// and by address count together. A device on which the owner has signed in, or a live session of the account, has a counter of
// its own with the same rules. Others cannot change that counter, so they cannot lock the owner out, and the thief of a
// device gets no more attempts than the owner. A login name without an account is counted under an id derived from the
// name, with the same calls and the same responses, so the two cases look alike. Counters belong to an epoch, so a reset
// does not have to find the counters that it ends.
//
// Lost responses. If the response to a count is lost, the SDK repeats the write and the attempt counts twice. If the response
// to a slot is lost, the repeated write finds that it took the slot itself.
//
// Crashes. A process that dies after it counted has used up an attempt. If it dies after a failure and before the report, the
// next failure makes the report. If it dies after a success, the counter remains until the next success clears it.
//
// A correct password clears the counter by deleting it. If an earlier attempt fails only afterwards, it finds no counter to
// mark.

// Guard slows down password guessing.
type Guard struct {
	store   Store
	devices *Devices
	now     clock.Clock
	random  io.Reader
}

// New returns a Guard. random must be a cryptographic source that cannot fail.
func New(store Store, devices *Devices, now clock.Clock, random io.Reader) *Guard {
	return &Guard{store: store, devices: devices, now: now, random: random}
}

// Remember returns the cookie for the device on which user has just signed in. sent is the cookie that the browser sent.
func (g *Guard) Remember(sent secret.String, user account.User) secret.String {
	return g.devices.Remember(sent, user)
}

// Counter returns the counter for an attempt. user is the account with the attempt's login name, or zero if there is none.
func (g *Guard) Counter(user account.User, attempt Attempt) Counter {
	if user.ID.IsZero() {
		return Counter{Account: account.AbsentUserID(account.ParseLoginName(attempt.Name).Canonical)}
	}
	counter := Counter{Account: user.ID, Epoch: user.Epoch}
	for _, principal := range attempt.Principals {
		if principal.User.ID == user.ID {
			counter.Device = principal.Session.ID
		}
	}
	if device, known := g.devices.recognize(attempt.Device, user); known {
		counter.Device = device
	}
	return counter
}

// Admit counts an attempt. It returns the state of the counter if the password may be hashed, and a [fault.Limited] with the
// time to wait if not.
func (g *Guard) Admit(ctx context.Context, counter Counter) (Count, error) {
	now := g.now()
	count, err := g.store.CountAttempt(ctx, counter, clock.WholeSeconds(now).Add(retention))
	switch {
	case err != nil:
		return Count{}, fmt.Errorf("counting the attempt: %w", err)
	case count.Attempts <= freeAttempts:
		return count, nil
	case count.SlotsTaken >= slots:
		return Count{}, fault.TooManyRequests(maxDelay)
	case now.Before(count.OpensAt):
		return Count{}, fault.TooManyRequests(count.OpensAt.Sub(now))
	}
	err = g.store.TakeSlot(ctx, counter, count.SlotsTaken, now, now.Add(delay(count.SlotsTaken+1)))
	if closed, is := errors.AsType[*NoSlotError](err); is {
		return Count{}, fault.TooManyRequests(closed.OpensAt.Sub(now))
	}
	if err != nil {
		return Count{}, fmt.Errorf("taking a slot: %w", err)
	}
	return count, nil
}

// delay returns the time until the next slot opens, given the number of slots taken.
func delay(taken int) time.Duration {
	if taken >= 6 {
		return maxDelay
	}
	return minDelay << taken
}

// RecordFailure records that the password of an admitted attempt was wrong, and notifies the owner at the fifth failure. If
// the notice cannot be queued, the next failure queues it.
func (g *Guard) RecordFailure(ctx context.Context, counter Counter, count Count, user account.User) {
	if count.Attempts < freeAttempts || count.Reported {
		return
	}
	now := g.now()
	notice := outbox.NewMail(id.New(g.random), outbox.Guessing, user.Email.Canonical, now)
	notice.User = counter.Account // the mailer finds no user for a login name without an account
	if err := g.store.ReportGuessing(ctx, counter, now.Add(delay(0)), notice); err != nil {
		reqlog.Add(ctx, slog.String("report_guessing", err.Error()))
	}
}

// RecordSuccess records that the password of an admitted attempt was correct. If the counter cannot be cleared, the next
// success clears it.
func (g *Guard) RecordSuccess(ctx context.Context, counter Counter) {
	if err := g.store.ClearAttempts(ctx, counter); err != nil {
		reqlog.Add(ctx, slog.String("clear_attempts", err.Error()))
	}
}

// DeviceClaims is the content of a device cookie: a sign-in to this account, in this epoch, succeeded on this device.
type DeviceClaims struct {
	User   id.ID
	Epoch  uint64
	Device id.ID // random; assigned at the first sign-in on the device
}

// deviceKeys derive and read device cookies without a call to a store.
type deviceKeys interface {
	// SealDevice derives the cookie for the claims with the current key. The same claims give the same text.
	SealDevice(claims DeviceClaims) secret.String
	// OpenDevice returns the claims of a cookie, or an error if no key of the key set derived it.
	OpenDevice(cookie string) (DeviceClaims, error)
}

// Devices recognizes devices on which a user has signed in before, by a cookie.
//
// The cookie grants no access. The device only has its own counter, so an attacker who guesses at an account does not lock
// its owner out. It is valid until the account's epoch changes.
type Devices struct {
	keys   deviceKeys
	random io.Reader
}

// NewDevices returns Devices. random must be a cryptographic source that cannot fail.
func NewDevices(keys deviceKeys, random io.Reader) *Devices {
	return &Devices{keys: keys, random: random}
}

// Owner returns the user that the device cookie was issued for, even if the account has changed since. It returns false if
// the cookie is not one of this service.
func (d *Devices) Owner(cookie secret.String) (id.ID, bool) {
	claims, err := d.keys.OpenDevice(cookie.Reveal())
	return claims.User, err == nil
}

// recognize returns the device if user has signed in on it in the current epoch.
func (d *Devices) recognize(cookie secret.String, user account.User) (id.ID, bool) {
	claims, err := d.keys.OpenDevice(cookie.Reveal())
	if err != nil || claims.User != user.ID || claims.Epoch != user.Epoch {
		return id.ID{}, false
	}
	return claims.Device, true
}

// Remember returns the cookie for a device on which user has just signed in. The device keeps its id if the cookie that the
// browser sent is still valid for the user, and gets a new one otherwise.
func (d *Devices) Remember(cookie secret.String, user account.User) secret.String {
	device, known := d.recognize(cookie, user)
	if !known {
		device = id.New(d.random)
	}
	return d.keys.SealDevice(DeviceClaims{User: user.ID, Epoch: user.Epoch, Device: device})
}
