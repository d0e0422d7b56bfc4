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

// try signs in and says what came of it: how long to wait, or zero for a try whose password was looked at.
func (f *fixture) attemptLogin(t *testing.T, asked guard.Attempt) (time.Duration, error) {
	t.Helper()
	before := f.hasher.Hashes()
	_, _, err := f.login().Login(t.Context(), asked)
	hashes := f.hasher.Hashes() - before
	refused := fault.From(err)
	if refused == nil || refused.Kind != fault.Limited {
		if hashes != 1 {
			t.Errorf("%d hashes were computed", hashes)
		}
		return 0, err
	}
	if hashes != 0 {
		t.Errorf("%d hashes were computed for a refused try", hashes)
	}
	return refused.RetryAfter, err
}

// fail makes tries that fail and are not refused.
func (f *fixture) failLogins(t *testing.T, n int, asked guard.Attempt) {
	t.Helper()
	for i := range n {
		if wait, err := f.attemptLogin(t, asked); wait != 0 || !errors.Is(err, account.ErrInvalidCredentials) {
			t.Fatalf("try %d: wait %v, error %v", i+1, wait, err)
		}
	}
}

func wrongAttempt(name string) guard.Attempt { return attempt(name, "a wrong password") }

// notices are the mails that tell of guessing: one for each count that has tripped.
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

// TestTheDelayGrows, and after 100 failures there is no other try, until a reset.
func TestTheDelayGrows(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "alice@example.com")
	f.failLogins(t, 5, wrongAttempt("alice"))
	want := 15 * time.Second
	for failure := 5; failure < 100; failure++ {
		if wait, _ := f.attemptLogin(t, wrongAttempt("alice")); wait != want {
			t.Fatalf("after %d failures one waits %v, want %v", failure, wait, want)
		}
		f.clock = f.clock.Add(want - time.Millisecond)
		if wait, _ := f.attemptLogin(t, attempt("alice", goodPassword)); wait != time.Second { // rounded up
			t.Fatalf("a moment too early, one waits %v", wait)
		}
		f.clock = f.clock.Add(time.Millisecond)
		f.failLogins(t, 1, wrongAttempt("alice"))
		want = min(2*want, 15*time.Minute)
	}
	f.clock = f.clock.Add(30 * 24 * time.Hour)
	if wait, _ := f.attemptLogin(t, attempt("alice", goodPassword)); wait != 15*time.Minute {
		t.Errorf("after 100 failures one waits %v", wait)
	}
	token := f.mailedToken(t, outbox.Reset, "alice@example.com")
	if err := f.reset(t.Context(), token, "Another password 1"); err != nil {
		t.Fatal(err)
	}
	if wait, err := f.attemptLogin(t, attempt("alice", "Another password 1")); wait != 0 || err != nil {
		t.Errorf("after a reset: wait %v, error %v", wait, err)
	}
}

// TestManyTriesAtOnce: all are counted, few are hashed, and one notice is queued; for a name that no account has, too.
func TestManyTriesAtOnce(t *testing.T) {
	for _, name := range []string{"alice", "nobody"} {
		f := newFixture(t)
		f.register(t, "alice", "alice@example.com")
		before := f.hasher.Hashes()
		var all sync.WaitGroup
		var looked, waits atomic.Int32
		for range 200 {
			all.Go(func() {
				switch _, _, err := f.login().Login(t.Context(), wrongAttempt(name)); {
				case errors.Is(err, account.ErrInvalidCredentials):
					looked.Add(1)
				case fault.From(err) != nil && fault.From(err).Kind == fault.Limited:
					waits.Add(1)
				default:
					t.Errorf("%s: %v", name, err)
				}
			})
		}
		all.Wait()
		hashes := f.hasher.Hashes() - before
		if hashes < 5 || hashes > 10 || looked.Load() != int32(hashes) || waits.Load() != 200-looked.Load() {
			t.Errorf("%s: %d hashes, %d answers, %d refusals", name, hashes, looked.Load(), waits.Load())
		}
		if made := f.countedAttempts(t); made != "200" {
			t.Errorf("%s: %s tries were counted", name, made)
		}
		if notices := f.guessingNotices(t); notices != 1 {
			t.Errorf("%s: %d notices", name, notices)
		}
	}
}

// tries is what the one count of the tables says.
func (f *fixture) countedAttempts(t *testing.T) string {
	t.Helper()
	for _, item := range f.tables.Items(t, f.tables.Sessions) {
		if made, counted := item["tries"].(*types.AttributeValueMemberN); counted {
			return made.Value
		}
	}
	return "no"
}

// TestHonestPeopleDoNotWait.
func TestHonestPeopleDoNotWait(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "alice@example.com")
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if _, err := f.passwordLogin(t.Context(), "alice", goodPassword); err != nil {
				t.Errorf("one of four at once: %v", err)
			}
		})
	}
	all.Wait()
	for range 3 { // a right password clears the count each time
		f.failLogins(t, 4, wrongAttempt("alice"))
		if wait, err := f.attemptLogin(t, attempt("alice", goodPassword)); wait != 0 || err != nil {
			t.Errorf("at the fifth try: wait %v, error %v", wait, err)
		}
	}
	if made, notices := f.countedAttempts(t), f.guessingNotices(t); made != "no" || notices != 0 {
		t.Errorf("%s tries are counted, %d notices queued", made, notices)
	}
}

// TestWhoseTriesCountTogether after five failures of the first.
func TestWhoseTriesCountTogether(t *testing.T) {
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
				t.Errorf("one waits %v", wait)
			}
		})
	}
}

// TestKnownAndUnknownNamesMakeTheSameCalls, at every step until there is no more try.
func TestKnownAndUnknownNamesMakeTheSameCalls(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "alice@example.com")
	f.registerWith(t, "disabled", attributes{"active": boolean(false)})
	f.registerWith(t, "oauthonly", attributes{"phc": text("")})
	names := []string{"alice", "alice@example.com", "disabled", "oauthonly"}
	for step := range 9 {
		told := map[string]bool{}
		for _, name := range append(names, "nobody", "nobody@example.com") {
			if name == "alice@example.com" {
				continue // shares its count
			}
			f.tap.Reset()
			_, _, err := f.login().Login(t.Context(), wrongAttempt(name))
			told[fmt.Sprint(f.tap.Calls(), f.tap.LimitCalls(), err, fault.From(err).RetryAfter)] = true
		}
		if len(told) != 1 {
			t.Errorf("step %d tells names apart: %v", step, told)
		}
		if step == 6 {
			f.clock = f.clock.Add(15 * time.Second)
		}
	}
}

// TestAnAttackerKeepsNoOwnerOut who has signed in on this device, has a session, or can read the account's mail.
func TestAnAttackerKeepsNoOwnerOut(t *testing.T) {
	attacked := func(t *testing.T) *fixture {
		f := newFixture(t)
		f.register(t, "alice", "alice@example.com")
		return f
	}
	floods := func(t *testing.T, f *fixture) {
		f.failLogins(t, 5, wrongAttempt("alice"))
		for range 20 {
			if wait, _ := f.attemptLogin(t, wrongAttempt("alice")); wait == 0 {
				t.Fatal("the attacker need not wait")
			}
		}
	}
	t.Run("on the device", func(t *testing.T) {
		f := attacked(t)
		_, device, err := f.login().Login(t.Context(), attempt("alice", goodPassword))
		if err != nil {
			t.Fatal(err)
		}
		floods(t, f)
		owner := attempt("alice@example.com", goodPassword)
		owner.Device = device
		if wait, err := f.attemptLogin(t, owner); wait != 0 || err != nil {
			t.Errorf("the owner: wait %v, error %v", wait, err)
		}
		if wait, _ := f.attemptLogin(t, attempt("alice", goodPassword)); wait == 0 {
			t.Error("the owner's success has let the attacker go on")
		}
	})
	t.Run("with a session", func(t *testing.T) {
		f := attacked(t)
		pair := f.mustLogin(t, "alice")
		floods(t, f)
		resolution, err := f.authenticator().Resolve(t.Context(), session.Credentials{Access: pair.Access})
		if err != nil || len(resolution.Live()) != 1 {
			t.Fatalf("got the principals %v and error %v, want one principal", resolution.Live(), err)
		}
		owner := attempt("alice", goodPassword)
		owner.Principals = resolution.Live()
		if _, _, err := f.login().Login(t.Context(), owner); err != nil {
			t.Errorf("the owner: %v", err)
		}
	})
	t.Run("after a reset, on the device where it was made", func(t *testing.T) {
		f := attacked(t)
		token := f.mailedToken(t, outbox.Reset, "alice@example.com")
		floods(t, f)
		device, err := f.resetter().Reset(t.Context(), token, secret.New("Another password 1"))
		if err != nil {
			t.Fatal(err)
		}
		floods(t, f)
		owner := attempt("alice", "Another password 1")
		owner.Device = device
		if wait, err := f.attemptLogin(t, owner); wait != 0 || err != nil {
			t.Errorf("the owner: wait %v, error %v", wait, err)
		}
	})
}

// TestWhatDeviceCookiesDoNot: guess for ever, help with another account, or outlive a reset.
func TestWhatDeviceCookiesDoNot(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "alice@example.com")
	f.register(t, "bob", "bob@example.com")
	f.failLogins(t, 5, wrongAttempt("alice"))
	stale := f.deviceOf(t, "alice")
	for name, cookie := range map[string]secret.String{
		"of another account": f.deviceOf(t, "bob"),
		"forged":             secret.New(stale.Reveal()[:len(stale.Reveal())-2] + "AA"),
		"nothing of ours":    secret.New("x"),
	} {
		asked := attempt("alice", goodPassword)
		asked.Device = cookie
		if wait, _ := f.attemptLogin(t, asked); wait == 0 {
			t.Errorf("a cookie %s opens a count of its own", name)
		}
	}
	stolen := wrongAttempt("alice")
	stolen.Device = stale
	f.failLogins(t, 5, stolen)
	if wait, _ := f.attemptLogin(t, stolen); wait != 15*time.Second {
		t.Errorf("on a stolen device one waits %v", wait)
	}
	if err := f.reset(t.Context(), f.mailedToken(t, outbox.Reset, "alice@example.com"), "Another password 1"); err != nil {
		t.Fatal(err)
	}
	f.failLogins(t, 5, wrongAttempt("alice"))
	if wait, _ := f.attemptLogin(t, stolen); wait == 0 {
		t.Error("a device of before the reset has a count of its own")
	}
}

// TestADeviceKeepsItsName, so that signing in again does not give it a fresh count.
func TestADeviceKeepsItsName(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "alice@example.com")
	asked := attempt("alice", goodPassword)
	_, first, err := f.login().Login(t.Context(), asked)
	if err != nil {
		t.Fatal(err)
	}
	asked.Device = first
	_, again, err := f.login().CookieLogin(t.Context(), asked)
	if err != nil || again != first {
		t.Errorf("the same cookie again: %v, error %v", again == first, err)
	}
	_, other, err := f.login().Login(t.Context(), attempt("alice", goodPassword))
	if err != nil || other == first {
		t.Errorf("another device has the same cookie: %v, error %v", other == first, err)
	}
	owner, known := f.devices().Owner(first)
	if _, forged := f.devices().Owner(secret.New("x")); !known || owner != f.user(t, "alice").ID || forged {
		t.Errorf("the owner is %v, %v; of a forged one: %v", owner, known, forged)
	}
}

// TestAGuardWhoseStoreFails: no count, no hash; what is not noted now is noted later.
func TestAGuardWhoseStoreFails(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "alice@example.com")
	before := f.hasher.Hashes()
	f.tap.Inject(wiretap.OfLimits+"UpdateItem", 0, 1000, wiretap.Refuse)
	if _, err := f.passwordLogin(t.Context(), "alice", goodPassword); !errors.Is(err, fault.ServiceUnavailable) || f.hasher.Hashes() != before {
		t.Errorf("without a count: %v, %d hashes", err, f.hasher.Hashes()-before)
	}
	f.tap.Reset()
	f.tap.Inject(wiretap.OfLimits+"DeleteItem", 0, 8, wiretap.Refuse)
	if _, err := f.passwordLogin(t.Context(), "alice", goodPassword); err != nil {
		t.Errorf("a count that cannot be cleared: %v", err)
	}
	if f.countedAttempts(t) == "no" {
		t.Fatal("the count was cleared")
	}
	f.tap.Inject(wiretap.OfLimits+"TransactWriteItems", 0, 8, wiretap.Refuse)
	f.failLogins(t, 4, wrongAttempt("alice"))
	if f.guessingNotices(t) != 0 {
		t.Fatal("the notice was queued")
	}
	f.tap.Reset()
	f.failLogins(t, 1, wrongAttempt("alice"))
	if notices := f.guessingNotices(t); notices != 1 {
		t.Errorf("%d notices were queued by the next failure", notices)
	}
}

// TestASlotWhoseAnswerIsLostIsKnownAgain.
func TestASlotWhoseAnswerIsLostIsKnownAgain(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "alice@example.com")
	f.failLogins(t, 5, wrongAttempt("alice"))
	f.clock = f.clock.Add(15 * time.Second)
	f.tap.Inject(wiretap.OfLimits+"UpdateItem", 1, 1, wiretap.LoseAnswer)
	if wait, err := f.attemptLogin(t, attempt("alice", goodPassword)); wait != 0 || err != nil {
		t.Errorf("wait %v, error %v", wait, err)
	}
}
