package ruletests

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"latchkey/pkg/account"
	"latchkey/pkg/fault"
	"latchkey/pkg/guard"
	"latchkey/pkg/limit"
	"latchkey/pkg/outbox"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
)

// newLimitedFixture returns a fixture with the limits of a deployed stack: 60 attempts and 5 failures a minute.
func newLimitedFixture(t *testing.T) *fixture {
	t.Helper()
	f := newFixture(t)
	f.quotas = guard.Quotas{
		OfSource:  limit.Quota{Scope: "attempts#source", Limit: 60},
		OfAccount: limit.Quota{Scope: "attempts#account", Limit: 60},
		Failures:  limit.Quota{Scope: "failures#source", Limit: 5},
	}
	f.clock = f.clock.Truncate(time.Minute)
	return f
}

// people registers that many accounts and returns their names.
func (f *fixture) people(t *testing.T, n int) []string {
	t.Helper()
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("person%d", i)
		f.register(t, names[i], names[i]+"@example.com")
	}
	return names
}

// result is the outcome of an attempt.
type result string

const (
	accepted result = "accepted"
	wrong    result = "wrong"
	limited  result = "limited" // nothing was hashed
	late     result = "limited after the hash"
)

// try makes an attempt with a container that has just started. Limits must hold for those as well.
func (f *fixture) try(t *testing.T, attempt guard.Attempt) result {
	t.Helper()
	before := f.hasher.Hashes()
	_, err := f.login().Login(t.Context(), attempt)
	hashed := f.hasher.Hashes() > before
	refused := fault.From(err)
	switch {
	case err == nil:
		return accepted
	case errors.Is(err, account.ErrInvalidCredentials):
		return wrong
	case refused.Kind == fault.Limited && hashed:
		return late
	case refused.Kind == fault.Limited:
		return limited
	}
	t.Fatalf("an attempt by %q: got the error %v", attempt.Name, err)
	return ""
}

func (f *fixture) expect(t *testing.T, what string, attempt guard.Attempt, want result) {
	t.Helper()
	if got := f.try(t, attempt); got != want {
		t.Errorf("%s: got %s, want %s", what, got, want)
	}
}

// TestAnOfficeWithAnAttacker signs in twenty people behind one address while an attacker there gets five failures: before them,
// among them, and after them.
func TestAnOfficeWithAnAttacker(t *testing.T) {
	for name, before := range map[string]int{"first": 0, "among them": 10, "last": 20} {
		t.Run(name, func(t *testing.T) {
			f := newLimitedFixture(t)
			names := f.people(t, 20)
			for i := range 21 {
				if i == before {
					for n := range 5 {
						f.expect(t, fmt.Sprintf("failure %d of the attacker", n+1), wrongAttempt(fmt.Sprintf("victim%d", n)), wrong)
					}
				}
				if i < 20 {
					f.expect(t, names[i], attempt(names[i], goodPassword), accepted)
				}
			}
			f.expect(t, "failure 6, a first attempt", wrongAttempt("victim5"), late)
			f.expect(t, "a second attempt", wrongAttempt("victim5"), late)
			f.expect(t, "a third attempt", wrongAttempt("victim5"), limited)
			f.clock = f.clock.Add(time.Minute)
			f.expect(t, "the attacker in the next minute", wrongAttempt("victim6"), wrong)
		})
	}
}

// TestRightPasswordsTakeNoFailures signs in sixty times and then fails five times. The first limit is that of all attempts.
func TestRightPasswordsTakeNoFailures(t *testing.T) {
	f := newLimitedFixture(t)
	names := f.people(t, 11)
	one := f.login() // one container, in which the limit of attempts is exact
	for n := range 55 {
		if _, err := one.Login(t.Context(), attempt(names[n%11], goodPassword)); err != nil {
			t.Fatalf("sign-in %d: got the error %v, want none", n+1, err)
		}
	}
	for n := range 5 {
		if _, err := one.Login(t.Context(), wrongAttempt(names[n])); !errors.Is(err, account.ErrInvalidCredentials) {
			t.Errorf("failure %d: got the error %v, want %v", n+1, err, account.ErrInvalidCredentials)
		}
	}
	f.tap.Reset()
	if _, err := one.Login(t.Context(), attempt(names[10], goodPassword)); fault.From(err).Kind != fault.Limited {
		t.Errorf("attempt 61: got the error %v, want a limit", err)
	}
	if calls := append(f.tap.Calls(), f.tap.LimitCalls()...); len(calls) != 0 {
		t.Errorf("attempt 61: got the calls %v, want none", calls)
	}
}

// TestADeviceHelpsOnlyAtItsOwnAccount uses up the attempts of a source, and then tries accounts with the devices and sessions of an
// owner.
func TestADeviceHelpsOnlyAtItsOwnAccount(t *testing.T) {
	f := newLimitedFixture(t)
	f.people(t, 3)
	owner, other := "person0", "person1"
	resolution, err := f.authenticator().Resolve(t.Context(), session.Credentials{Access: f.mustLogin(t, owner).Access})
	if err != nil {
		t.Fatal(err)
	}
	stale := f.deviceOf(t, "person2")
	if err := f.reset(t.Context(), f.mailedToken(t, outbox.Reset, "person2@example.com"), goodPassword); err != nil {
		t.Fatal(err)
	}
	device := f.deviceOf(t, owner)
	one := f.login()
	for range 60 {
		_, _ = one.Login(t.Context(), wrongAttempt("nobody"))
	}
	with := func(name string, change func(*guard.Attempt)) guard.Attempt {
		req := attempt(name, goodPassword)
		change(&req)
		return req
	}
	for _, test := range []struct {
		what    string
		attempt guard.Attempt
		want    result
	}{
		{"nothing", attempt(owner, goodPassword), limited},
		{"the owner's device", with(owner, func(a *guard.Attempt) { a.Device = device }), accepted},
		{"the owner's session", with(owner, func(a *guard.Attempt) { a.Principals = resolution.Live() }), accepted},
		{"the device at another account", with(other, func(a *guard.Attempt) { a.Device = device }), limited},
		{"the session at another account", with(other, func(a *guard.Attempt) { a.Principals = resolution.Live() }), limited},
		{"the device at no account", with("nobody", func(a *guard.Attempt) { a.Device = device }), limited},
		{"a device from before a reset", with("person2", func(a *guard.Attempt) { a.Device = stale }), limited},
		{"two devices, one of them the owner's", with(owner, func(a *guard.Attempt) {
			a.Device = secret.New(f.deviceOf(t, other).Reveal() + "." + device.Reveal())
		}), accepted},
		{"another source", with(other, func(a *guard.Attempt) { a.Source = "198.51.100.7" }), accepted},
	} {
		before := f.hasher.Hashes()
		_, err := one.Login(t.Context(), test.attempt)
		got := accepted
		if err != nil {
			got = limited
		}
		if got != test.want || got == limited && f.hasher.Hashes() != before {
			t.Errorf("with %s: got the error %v and %d hashes, want %s", test.what, err, f.hasher.Hashes()-before, test.want)
		}
	}
}

// TestAStaleDeviceCannotSpendTheOwnersAttempts makes sixty attempts with a cookie from before a reset, and then signs in on the
// owner's new device.
func TestAStaleDeviceCannotSpendTheOwnersAttempts(t *testing.T) {
	f := newLimitedFixture(t)
	f.register(t, "alice", "alice@example.com")
	thief := wrongAttempt("alice")
	thief.Device, thief.Source = f.deviceOf(t, "alice"), "203.0.113.9"
	token := f.mailedToken(t, outbox.Reset, "alice@example.com")
	device, err := f.resetter().Reset(t.Context(), token, secret.New(goodPassword), secret.String{})
	if err != nil {
		t.Fatal(err)
	}
	one := f.login()
	for range 100 {
		_, _ = one.Login(t.Context(), thief)
	}
	owner := attempt("alice", goodPassword)
	owner.Device, owner.Source = device, thief.Source
	if _, err := one.Login(t.Context(), owner); err != nil {
		t.Errorf("the owner's new device: got the error %v, want none", err)
	}
}

// TestASpentDeviceCountsForTheSource uses up the attempts and the guesses of a device.
func TestASpentDeviceCountsForTheSource(t *testing.T) {
	f := newLimitedFixture(t)
	f.register(t, "alice", "alice@example.com")
	one := f.login()
	owner := attempt("alice", goodPassword)
	owner.Device = f.deviceOf(t, "alice")
	for n := range 75 { // 60 of the device, and then of the source
		signedIn, err := one.Login(t.Context(), owner)
		if err != nil {
			t.Fatalf("sign-in %d: got the error %v, want none", n+1, err)
		}
		owner.Device = signedIn.Device
	}
	f.clock = f.clock.Add(time.Minute)
	thief := wrongAttempt("alice")
	thief.Device = owner.Device
	for n := range 5 {
		if _, err := one.Login(t.Context(), thief); !errors.Is(err, account.ErrInvalidCredentials) {
			t.Fatalf("guess %d on the device: got the error %v, want %v", n+1, err, account.ErrInvalidCredentials)
		}
	}
	for n := range 5 {
		if _, err := one.Login(t.Context(), thief); !errors.Is(err, account.ErrInvalidCredentials) {
			t.Fatalf("guess %d like a stranger: got the error %v, want %v", n+6, err, account.ErrInvalidCredentials)
		}
	}
	if _, err := one.Login(t.Context(), thief); fault.From(err).Kind != fault.Limited {
		t.Errorf("guess 11: got the error %v, want a limit", err)
	}
}

// TestADeviceTakesNoFailuresOfTheSource fails on a device and then elsewhere behind its address.
func TestADeviceTakesNoFailuresOfTheSource(t *testing.T) {
	f := newLimitedFixture(t)
	f.register(t, "alice", "alice@example.com")
	forgetful := wrongAttempt("alice")
	forgetful.Device = f.deviceOf(t, "alice")
	for range 5 {
		f.expect(t, "the owner's device", forgetful, wrong)
	}
	for n := range 5 {
		f.expect(t, "a neighbour", wrongAttempt(fmt.Sprintf("nobody%d", n)), wrong)
	}
	f.expect(t, "the neighbour's failure 6", wrongAttempt("nobody5"), late)
}
