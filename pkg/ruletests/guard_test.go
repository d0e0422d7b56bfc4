package ruletests

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"latchkey/infra/testkit/wiretap"
	"latchkey/pkg/account"
	"latchkey/pkg/fault"
	"latchkey/pkg/guard"
	"latchkey/pkg/outbox"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
)

// attemptLogin logs in. It returns the time to wait if the guard refused the attempt, and zero if the password was hashed, and
// checks the number of hashes.
func (f *fixture) attemptLogin(t *testing.T, attempt guard.Attempt) (time.Duration, error) {
	t.Helper()
	before := f.hasher.Hashes()
	_, err := f.login().Login(t.Context(), attempt)
	hashes := f.hasher.Hashes() - before
	refused := fault.From(err)
	if refused == nil || refused.Kind != fault.Limited {
		if hashes != 1 {
			t.Errorf("an attempt by %q: got %d hashes, want 1", attempt.Name, hashes)
		}
		return 0, err
	}
	if hashes != 0 {
		t.Errorf("a refused attempt by %q: got %d hashes, want 0", attempt.Name, hashes)
	}
	return refused.RetryAfter, err
}

// failLogins makes n attempts that must fail without being refused.
func (f *fixture) failLogins(t *testing.T, n int, attempt guard.Attempt) {
	t.Helper()
	for i := range n {
		if wait, err := f.attemptLogin(t, attempt); wait != 0 || !errors.Is(err, account.ErrInvalidCredentials) {
			t.Fatalf("attempt %d by %q: got the wait %v and the error %v, want only %v",
				i+1, attempt.Name, wait, err, account.ErrInvalidCredentials)
		}
	}
}

func wrongAttempt(name string) guard.Attempt { return attempt(name, "a wrong password") }

// guessingNotices returns the number of queued notices about guessing, which is one for each reported counter.
func (f *fixture) guessingNotices(t *testing.T) int {
	t.Helper()
	found := 0
	for _, item := range f.tables.Items(t, f.tables.Sessions) {
		if item["purpose"] != nil && strings.Contains(fmt.Sprint(item["purpose"]), "guessing") {
			found++
		}
	}
	return found
}

// TestTheDelayGrows shows that the delay doubles up to 15 minutes, and that after 100 failures only a reset helps.
func TestTheDelayGrows(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "alice@example.com")
	f.failLogins(t, 5, wrongAttempt("alice"))
	want := 15 * time.Second
	for failure := 5; failure < 100; failure++ {
		if wait, _ := f.attemptLogin(t, wrongAttempt("alice")); wait != want {
			t.Fatalf("the wait after %d failures: got %v, want %v", failure, wait, want)
		}
		f.clock = f.clock.Add(want - time.Millisecond)
		if wait, _ := f.attemptLogin(t, attempt("alice", goodPassword)); wait != time.Second { // rounded up
			t.Fatalf("the wait 1 ms before the slot opens, after %d failures: got %v, want 1s", failure, wait)
		}
		f.clock = f.clock.Add(time.Millisecond)
		f.failLogins(t, 1, wrongAttempt("alice"))
		want = min(2*want, 15*time.Minute)
	}
	f.clock = f.clock.Add(30 * 24 * time.Hour)
	if wait, _ := f.attemptLogin(t, attempt("alice", goodPassword)); wait != 15*time.Minute {
		t.Errorf("the wait after 100 failures: got %v, want 15m", wait)
	}
	token := f.mailedToken(t, outbox.Reset, "alice@example.com")
	if err := f.reset(t.Context(), token, "Another password 1"); err != nil {
		t.Fatal(err)
	}
	if wait, err := f.attemptLogin(t, attempt("alice", "Another password 1")); wait != 0 || err != nil {
		t.Errorf("after a reset: got the wait %v and the error %v, want none", wait, err)
	}
}

// TestManyAttemptsAtOnce shows that all attempts are counted, few are hashed, and one notice is queued, also for a login name
// without an account.
func TestManyAttemptsAtOnce(t *testing.T) {
	for _, name := range []string{"alice", "nobody"} {
		f := newFixture(t)
		f.register(t, "alice", "alice@example.com")
		before := f.hasher.Hashes()
		var all sync.WaitGroup
		var hashed, refused atomic.Int32
		for range 200 {
			all.Go(func() {
				switch _, err := f.login().Login(t.Context(), wrongAttempt(name)); {
				case errors.Is(err, account.ErrInvalidCredentials):
					hashed.Add(1)
				case fault.From(err) != nil && fault.From(err).Kind == fault.Limited:
					refused.Add(1)
				default:
					t.Errorf("an attempt by %q: got the error %v, want a refusal", name, err)
				}
			})
		}
		all.Wait()
		hashes := f.hasher.Hashes() - before
		if hashes < 5 || hashes > 10 || hashed.Load() != int32(hashes) || refused.Load() != 200-hashed.Load() {
			t.Errorf("200 attempts by %q: got %d hashes, %d wrong passwords and %d refusals, want 5 to 10 hashes, as many wrong passwords, "+
				"and 200 responses", name, hashes, hashed.Load(), refused.Load())
		}
		if counted := f.countedAttempts(t); counted != "200" {
			t.Errorf("the counter of %q: got %s attempts, want 200", name, counted)
		}
		if notices := f.guessingNotices(t); notices != 1 {
			t.Errorf("the notices about %q: got %d, want 1", name, notices)
		}
	}
}

// countedAttempts returns the number in the only counter of the tables, and "no" if there is no counter.
func (f *fixture) countedAttempts(t *testing.T) string {
	t.Helper()
	for _, item := range f.tables.Items(t, f.tables.Sessions) {
		if attempts, found := item["tries"].(*types.AttributeValueMemberN); found {
			return attempts.Value
		}
	}
	return "no"
}

// TestHonestPeopleDoNotWait shows that concurrent logins, and a correct password at the fifth attempt, are not delayed.
func TestHonestPeopleDoNotWait(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "alice@example.com")
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if _, err := f.passwordLogin(t.Context(), "alice", goodPassword); err != nil {
				t.Errorf("one of four concurrent logins: got the error %v, want none", err)
			}
		})
	}
	all.Wait()
	for range 3 { // a correct password forgives the attempts before it each time
		f.failLogins(t, 4, wrongAttempt("alice"))
		if wait, err := f.attemptLogin(t, attempt("alice", goodPassword)); wait != 0 || err != nil {
			t.Errorf("a correct fifth attempt: got the wait %v and the error %v, want none", wait, err)
		}
	}
	if counted, notices := f.countedAttempts(t), f.guessingNotices(t); counted != "19" || notices != 0 {
		t.Errorf("afterwards: got %s counted attempts and %d notices, want 19 and none", counted, notices)
	}
	if user := f.user(t, "alice"); user.Forgiven != 19 {
		t.Errorf("afterwards: got %d attempts forgiven, want 19", user.Forgiven)
	}
}

// TestLoginNamesThatShareACounter makes five failed attempts by the first name, and checks whether an attempt by the second name
// must wait.
func TestLoginNamesThatShareACounter(t *testing.T) {
	tests := map[string]struct {
		first, second string
		waits         bool
	}{
		"username and address":              {"alice", "alice@example.com", true},
		"address and username":              {"ALICE@example.com", "Alice", true},
		"another account":                   {"alice", "bob", false},
		"a disabled account":                {"disabled", "disabled@example.com", true},
		"an account that signs in by OAuth": {"oauthonly", "oauthonly", true},
		"a name that no account has":        {"nobody", "NOBODY", true},
		"an address that no account has":    {"nobody@example.com", "nobody@EXAMPLE.com", true},
		"two names that no account has":     {"nobody", "noone", false},
		"a text that no account could have": {"@@", "@@", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.register(t, "alice", "alice@example.com")
			f.register(t, "bob", "bob@example.com")
			f.registerWith(t, "disabled", attributes{"active": boolean(false)})
			f.registerWith(t, "oauthonly", attributes{"phc": text("")})
			f.failLogins(t, 5, wrongAttempt(test.first))
			wait, _ := f.attemptLogin(t, wrongAttempt(test.second))
			if waits := wait > 0; waits != test.waits {
				t.Errorf("the wait of %q after attempts by %q: got %v, want one: %v", test.second, test.first, wait, test.waits)
			}
		})
	}
}

// TestKnownAndUnknownNamesMakeTheSameCalls shows that calls, units and responses are the same for all names, at every step until
// the attempts are delayed.
func TestKnownAndUnknownNamesMakeTheSameCalls(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "alice@example.com")
	f.registerWith(t, "disabled", attributes{"active": boolean(false)})
	f.registerWith(t, "oauthonly", attributes{"phc": text("")})
	names := []string{"alice", "alice@example.com", "disabled", "oauthonly"}
	for step := range 9 {
		responses := map[string]bool{}
		for _, name := range append(names, "nobody", "nobody@example.com") {
			if name == "alice@example.com" {
				continue // shares the counter of alice
			}
			f.tap.Reset()
			_, err := f.login().Login(t.Context(), wrongAttempt(name))
			responses[fmt.Sprint(f.tap.Calls(), f.tap.LimitCalls(), err, fault.From(err).RetryAfter)] = true
		}
		if len(responses) != 1 {
			t.Errorf("attempt %d: got %d different responses, want 1: %v", step+1, len(responses), responses)
		}
		if step == 6 {
			f.clock = f.clock.Add(15 * time.Second)
		}
	}
}

// TestAnAttackerDoesNotLockTheOwnerOut shows that the owner can log in during an attack, on a device with an earlier login, with
// a session, or after a reset.
func TestAnAttackerDoesNotLockTheOwnerOut(t *testing.T) {
	newAccount := func(t *testing.T) *fixture {
		f := newFixture(t)
		f.register(t, "alice", "alice@example.com")
		return f
	}
	attack := func(t *testing.T, f *fixture) {
		f.failLogins(t, 5, wrongAttempt("alice"))
		for range 20 {
			if wait, _ := f.attemptLogin(t, wrongAttempt("alice")); wait == 0 {
				t.Fatal("the wait of the attacker: got none, want one")
			}
		}
	}
	t.Run("on the device", func(t *testing.T) {
		f := newAccount(t)
		signedIn, err := f.login().Login(t.Context(), attempt("alice", goodPassword))
		if err != nil {
			t.Fatal(err)
		}
		attack(t, f)
		owner := attempt("alice@example.com", goodPassword)
		owner.Device = signedIn.Device
		if wait, err := f.attemptLogin(t, owner); wait != 0 || err != nil {
			t.Errorf("the owner: got the wait %v and the error %v, want none", wait, err)
		}
		if wait, _ := f.attemptLogin(t, attempt("alice", goodPassword)); wait == 0 {
			t.Error("the wait of the attacker after the owner's login: got none, want one")
		}
	})
	t.Run("with a session", func(t *testing.T) {
		f := newAccount(t)
		pair := f.mustLogin(t, "alice")
		attack(t, f)
		resolution, err := f.authenticator().Resolve(t.Context(), session.Credentials{Access: pair.Access})
		if err != nil || len(resolution.Live()) != 1 {
			t.Fatalf("got the principals %v and error %v, want one principal", resolution.Live(), err)
		}
		owner := attempt("alice", goodPassword)
		owner.Principals = resolution.Live()
		if _, err := f.login().Login(t.Context(), owner); err != nil {
			t.Errorf("the owner: got the error %v, want none", err)
		}
	})
	t.Run("after a reset, on the device where it was made", func(t *testing.T) {
		f := newAccount(t)
		token := f.mailedToken(t, outbox.Reset, "alice@example.com")
		attack(t, f)
		device, err := f.resetter().Reset(t.Context(), token, secret.New("Another password 1"), secret.String{})
		if err != nil {
			t.Fatal(err)
		}
		attack(t, f)
		owner := attempt("alice", "Another password 1")
		owner.Device = device
		if wait, err := f.attemptLogin(t, owner); wait != 0 || err != nil {
			t.Errorf("the owner: got the wait %v and the error %v, want none", wait, err)
		}
	})
}

// TestTheLimitsOfDeviceCookies shows that a device cookie allows five attempts and those of an unknown device, is not valid for
// another account, and ends with a reset.
func TestTheLimitsOfDeviceCookies(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "alice@example.com")
	f.register(t, "bob", "bob@example.com")
	f.failLogins(t, 5, wrongAttempt("alice"))
	stale := f.deviceOf(t, "alice")
	for name, cookie := range map[string]secret.String{
		"of another account": f.deviceOf(t, "bob"),
		"forged":             secret.New(stale.Reveal()[:len(stale.Reveal())-2] + "AA"),
		"malformed":          secret.New("x"),
	} {
		req := attempt("alice", goodPassword)
		req.Device = cookie
		if wait, _ := f.attemptLogin(t, req); wait == 0 {
			t.Errorf("the wait with a device cookie that is %s: got none, want one", name)
		}
	}
	stolen := wrongAttempt("alice")
	stolen.Device = stale
	f.failLogins(t, 5, stolen)
	if wait, _ := f.attemptLogin(t, stolen); wait != 15*time.Second {
		t.Errorf("the wait on a stolen device after 5 failures: got %v, want 15s", wait)
	}
	if err := f.reset(t.Context(), f.mailedToken(t, outbox.Reset, "alice@example.com"), "Another password 1"); err != nil {
		t.Fatal(err)
	}
	f.failLogins(t, 5, wrongAttempt("alice"))
	if wait, _ := f.attemptLogin(t, stolen); wait == 0 {
		t.Error("the wait on a device from before the reset: got none, want one")
	}
}

// TestADeviceKeepsItsID shows that another login on the device does not give it a new counter, and forgives its attempts.
func TestADeviceKeepsItsID(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "alice@example.com")
	signIn := func(device secret.String) secret.String {
		t.Helper()
		req := attempt("alice", goodPassword)
		req.Device = device
		signedIn, err := f.login().CookieLogin(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		return signedIn.Device
	}
	open := func(cookie secret.String) guard.Familiar {
		t.Helper()
		device, err := f.keys.OpenDevice(cookie.Reveal())
		if err != nil {
			t.Fatal(err)
		}
		return device
	}
	first := signIn(secret.String{})
	second := signIn(first)
	third := signIn(second)
	if got := open(third); got.Device != open(first).Device || got.Forgiven != 2 {
		t.Errorf("the device after two more logins: got %+v, want the id of %+v and 2 attempts forgiven", got, open(first))
	}
	if other := signIn(secret.String{}); open(other).Device == open(first).Device {
		t.Errorf("another device: got the id of the first, want a different one")
	}
	for range 8 {
		signIn(first) // a client that keeps its first cookie
	}
}

// TestTwoPeopleInOneBrowser shows that each account stays known after another sign-in, and that a browser with too many accounts
// forgets the one with the oldest sign-in.
func TestTwoPeopleInOneBrowser(t *testing.T) {
	f := newFixture(t)
	names := []string{"alice", "bob", "carol", "dave", "erin", "frank"}
	var cookie secret.String
	signIn := func(name string) {
		t.Helper()
		req := attempt(name, goodPassword)
		req.Device = cookie
		signedIn, err := f.login().Login(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		cookie = signedIn.Device
	}
	known := func(name string) bool {
		t.Helper()
		req := attempt(name, goodPassword)
		req.Device = cookie
		wait, _ := f.attemptLogin(t, req)
		return wait == 0
	}
	for _, name := range names {
		f.register(t, name, name+"@example.com")
		signIn(name)
	}
	token := f.mailedToken(t, outbox.Reset, "frank@example.com")
	var err error
	if cookie, err = f.resetter().Reset(t.Context(), token, secret.New(goodPassword), cookie); err != nil {
		t.Fatal(err)
	}
	for i, name := range names {
		f.failLogins(t, 5, wrongAttempt(name))
		if want := i > 0; known(name) != want {
			t.Errorf("the browser knows %s: got %t, want %t", name, !want, want)
		}
	}
	if size := len(cookie.Reveal()); size > 1024 {
		t.Errorf("the cookie: got %d characters, want at most 1024", size)
	}
}

// TestTheGuardWhenItsStoreFails shows that nothing is hashed without a count, and that a missed report is made up for.
func TestTheGuardWhenItsStoreFails(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "alice@example.com")
	before := f.hasher.Hashes()
	f.tap.Inject(wiretap.OfLimits+"UpdateItem", 0, 1000, wiretap.Refuse)
	_, err := f.passwordLogin(t.Context(), "alice", goodPassword)
	if !errors.Is(err, fault.ServiceUnavailable) || f.hasher.Hashes() != before {
		t.Errorf("without a count: got the error %v and %d hashes, want %v and 0",
			err, f.hasher.Hashes()-before, fault.ServiceUnavailable)
	}
	f.tap.Reset()
	f.tap.Inject(wiretap.OfLimits+"UpdateItem", 1, 1000, wiretap.Refuse)
	if _, err := f.passwordLogin(t.Context(), "alice", "wrong"); !errors.Is(err, fault.ServiceUnavailable) {
		t.Errorf("a failure that cannot be counted: got the error %v, want %v", err, fault.ServiceUnavailable)
	}
	f.tap.Reset()
	f.tap.Inject(wiretap.OfLimits+"TransactWriteItems", 0, 8, wiretap.Refuse)
	f.failLogins(t, 4, wrongAttempt("alice"))
	if notices := f.guessingNotices(t); notices != 0 {
		t.Fatalf("the notices before the next failure: got %d, want 0", notices)
	}
	f.tap.Reset()
	f.clock = f.clock.Add(time.Minute)
	f.failLogins(t, 1, wrongAttempt("alice"))
	if notices := f.guessingNotices(t); notices != 1 {
		t.Errorf("the notices after the next failure: got %d, want 1", notices)
	}
}

// TestASlotWithALostResponse shows that the repeated write recognizes its own slot.
func TestASlotWithALostResponse(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "alice@example.com")
	f.failLogins(t, 5, wrongAttempt("alice"))
	f.clock = f.clock.Add(15 * time.Second)
	f.tap.Inject(wiretap.OfLimits+"UpdateItem", 1, 1, wiretap.LoseAnswer)
	if wait, err := f.attemptLogin(t, attempt("alice", goodPassword)); wait != 0 || err != nil {
		t.Errorf("a login with a lost response: got the wait %v and the error %v, want none", wait, err)
	}
}
