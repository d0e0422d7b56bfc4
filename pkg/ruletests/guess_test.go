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
func (h *house) try(t *testing.T, asked guard.Attempt) (time.Duration, error) {
	t.Helper()
	before := h.hasher.Hashes()
	_, _, err := h.login().Login(t.Context(), asked)
	hashes := h.hasher.Hashes() - before
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
func (h *house) fail(t *testing.T, n int, asked guard.Attempt) {
	t.Helper()
	for i := range n {
		if wait, err := h.try(t, asked); wait != 0 || !errors.Is(err, account.ErrInvalidCredentials) {
			t.Fatalf("try %d: wait %v, error %v", i+1, wait, err)
		}
	}
}

func wrong(name string) guard.Attempt { return signIn(name, "a wrong password") }

// notices are the mails that tell of guessing: one for each count that has tripped.
func (h *house) notices(t *testing.T) int {
	t.Helper()
	found := 0
	for _, item := range h.tables.Items(t, h.tables.Sessions) {
		if item["purpose"] != nil && strings.Contains(fmt.Sprint(item["purpose"]), "guessing") {
			found++
		}
	}
	return found
}

// TestTheDelayGrows, and after 100 failures there is no other try, until a reset.
func TestTheDelayGrows(t *testing.T) {
	h := newHouse(t)
	h.register(t, "alice", "alice@example.com")
	h.fail(t, 5, wrong("alice"))
	want := 15 * time.Second
	for failure := 5; failure < 100; failure++ {
		if wait, _ := h.try(t, wrong("alice")); wait != want {
			t.Fatalf("after %d failures one waits %v, want %v", failure, wait, want)
		}
		h.clock = h.clock.Add(want - time.Millisecond)
		if wait, _ := h.try(t, signIn("alice", goodPassword)); wait != time.Second { // rounded up
			t.Fatalf("a moment too early, one waits %v", wait)
		}
		h.clock = h.clock.Add(time.Millisecond)
		h.fail(t, 1, wrong("alice"))
		want = min(2*want, 15*time.Minute)
	}
	h.clock = h.clock.Add(30 * 24 * time.Hour)
	if wait, _ := h.try(t, signIn("alice", goodPassword)); wait != 15*time.Minute {
		t.Errorf("after 100 failures one waits %v", wait)
	}
	token := h.mailed(t, outbox.Reset, "alice@example.com")
	if err := h.reset(t.Context(), token, "Another password 1"); err != nil {
		t.Fatal(err)
	}
	if wait, err := h.try(t, signIn("alice", "Another password 1")); wait != 0 || err != nil {
		t.Errorf("after a reset: wait %v, error %v", wait, err)
	}
}

// TestManyTriesAtOnce: all are counted, few are hashed, and one notice is queued; for a name that no account has, too.
func TestManyTriesAtOnce(t *testing.T) {
	for _, name := range []string{"alice", "nobody"} {
		h := newHouse(t)
		h.register(t, "alice", "alice@example.com")
		before := h.hasher.Hashes()
		var all sync.WaitGroup
		var looked, waits atomic.Int32
		for range 200 {
			all.Go(func() {
				switch _, _, err := h.login().Login(t.Context(), wrong(name)); {
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
		hashes := h.hasher.Hashes() - before
		if hashes < 5 || hashes > 10 || looked.Load() != int32(hashes) || waits.Load() != 200-looked.Load() {
			t.Errorf("%s: %d hashes, %d answers, %d refusals", name, hashes, looked.Load(), waits.Load())
		}
		if made := h.tries(t); made != "200" {
			t.Errorf("%s: %s tries were counted", name, made)
		}
		if notices := h.notices(t); notices != 1 {
			t.Errorf("%s: %d notices", name, notices)
		}
	}
}

// tries is what the one count of the tables says.
func (h *house) tries(t *testing.T) string {
	t.Helper()
	for _, item := range h.tables.Items(t, h.tables.Sessions) {
		if made, counted := item["tries"].(*types.AttributeValueMemberN); counted {
			return made.Value
		}
	}
	return "no"
}

// TestHonestPeopleDoNotWait.
func TestHonestPeopleDoNotWait(t *testing.T) {
	h := newHouse(t)
	h.register(t, "alice", "alice@example.com")
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if _, err := h.tryLogin(t.Context(), "alice", goodPassword); err != nil {
				t.Errorf("one of four at once: %v", err)
			}
		})
	}
	all.Wait()
	for range 3 { // a right password clears the count each time
		h.fail(t, 4, wrong("alice"))
		if wait, err := h.try(t, signIn("alice", goodPassword)); wait != 0 || err != nil {
			t.Errorf("at the fifth try: wait %v, error %v", wait, err)
		}
	}
	if made, notices := h.tries(t), h.notices(t); made != "no" || notices != 0 {
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
			h := newHouse(t)
			h.register(t, "alice", "alice@example.com")
			h.register(t, "bob", "bob@example.com")
			h.with(t, "disabled", changes{"active": boolean(false)})
			h.with(t, "oauthonly", changes{"phc": text("")})
			h.fail(t, 5, wrong(test.first))
			wait, _ := h.try(t, wrong(test.second))
			if waits := wait > 0; waits != test.waits {
				t.Errorf("one waits %v", wait)
			}
		})
	}
}

// TestKnownAndUnknownNamesMakeTheSameCalls, at every step until there is no more try.
func TestKnownAndUnknownNamesMakeTheSameCalls(t *testing.T) {
	h := newHouse(t)
	h.register(t, "alice", "alice@example.com")
	h.with(t, "disabled", changes{"active": boolean(false)})
	h.with(t, "oauthonly", changes{"phc": text("")})
	names := []string{"alice", "alice@example.com", "disabled", "oauthonly"}
	for step := range 9 {
		told := map[string]bool{}
		for _, name := range append(names, "nobody", "nobody@example.com") {
			if name == "alice@example.com" {
				continue // shares its count
			}
			h.tap.Reset()
			_, _, err := h.login().Login(t.Context(), wrong(name))
			told[fmt.Sprint(h.tap.Calls(), h.tap.LimitCalls(), err, fault.From(err).RetryAfter)] = true
		}
		if len(told) != 1 {
			t.Errorf("step %d tells names apart: %v", step, told)
		}
		if step == 6 {
			h.clock = h.clock.Add(15 * time.Second)
		}
	}
}

// TestAnAttackerKeepsNoOwnerOut who has signed in on this device, has a session, or can read the account's mail.
func TestAnAttackerKeepsNoOwnerOut(t *testing.T) {
	attacked := func(t *testing.T) *house {
		h := newHouse(t)
		h.register(t, "alice", "alice@example.com")
		return h
	}
	floods := func(t *testing.T, h *house) {
		h.fail(t, 5, wrong("alice"))
		for range 20 {
			if wait, _ := h.try(t, wrong("alice")); wait == 0 {
				t.Fatal("the attacker need not wait")
			}
		}
	}
	t.Run("on the device", func(t *testing.T) {
		h := attacked(t)
		_, device, err := h.login().Login(t.Context(), signIn("alice", goodPassword))
		if err != nil {
			t.Fatal(err)
		}
		floods(t, h)
		owner := signIn("alice@example.com", goodPassword)
		owner.Device = device
		if wait, err := h.try(t, owner); wait != 0 || err != nil {
			t.Errorf("the owner: wait %v, error %v", wait, err)
		}
		if wait, _ := h.try(t, signIn("alice", goodPassword)); wait == 0 {
			t.Error("the owner's success has let the attacker go on")
		}
	})
	t.Run("with a session", func(t *testing.T) {
		h := attacked(t)
		pair := h.signIn(t, "alice")
		floods(t, h)
		resolution, err := h.authenticator().Resolve(t.Context(), session.Credentials{Access: pair.Access})
		if err != nil || len(resolution.Live()) != 1 {
			t.Fatalf("got the principals %v and error %v, want one principal", resolution.Live(), err)
		}
		owner := signIn("alice", goodPassword)
		owner.Principals = resolution.Live()
		if _, _, err := h.login().Login(t.Context(), owner); err != nil {
			t.Errorf("the owner: %v", err)
		}
	})
	t.Run("after a reset, on the device where it was made", func(t *testing.T) {
		h := attacked(t)
		token := h.mailed(t, outbox.Reset, "alice@example.com")
		floods(t, h)
		device, err := h.resetter().Reset(t.Context(), token, secret.New("Another password 1"))
		if err != nil {
			t.Fatal(err)
		}
		floods(t, h)
		owner := signIn("alice", "Another password 1")
		owner.Device = device
		if wait, err := h.try(t, owner); wait != 0 || err != nil {
			t.Errorf("the owner: wait %v, error %v", wait, err)
		}
	})
}

// TestWhatDeviceCookiesDoNot: guess for ever, help with another account, or outlive a reset.
func TestWhatDeviceCookiesDoNot(t *testing.T) {
	h := newHouse(t)
	h.register(t, "alice", "alice@example.com")
	h.register(t, "bob", "bob@example.com")
	h.fail(t, 5, wrong("alice"))
	stale := h.deviceOf(t, "alice")
	for name, cookie := range map[string]secret.String{
		"of another account": h.deviceOf(t, "bob"),
		"forged":             secret.New(stale.Reveal()[:len(stale.Reveal())-2] + "AA"),
		"nothing of ours":    secret.New("x"),
	} {
		asked := signIn("alice", goodPassword)
		asked.Device = cookie
		if wait, _ := h.try(t, asked); wait == 0 {
			t.Errorf("a cookie %s opens a count of its own", name)
		}
	}
	stolen := wrong("alice")
	stolen.Device = stale
	h.fail(t, 5, stolen)
	if wait, _ := h.try(t, stolen); wait != 15*time.Second {
		t.Errorf("on a stolen device one waits %v", wait)
	}
	if err := h.reset(t.Context(), h.mailed(t, outbox.Reset, "alice@example.com"), "Another password 1"); err != nil {
		t.Fatal(err)
	}
	h.fail(t, 5, wrong("alice"))
	if wait, _ := h.try(t, stolen); wait == 0 {
		t.Error("a device of before the reset has a count of its own")
	}
}

// TestADeviceKeepsItsName, so that signing in again does not give it a fresh count.
func TestADeviceKeepsItsName(t *testing.T) {
	h := newHouse(t)
	h.register(t, "alice", "alice@example.com")
	asked := signIn("alice", goodPassword)
	_, first, err := h.login().Login(t.Context(), asked)
	if err != nil {
		t.Fatal(err)
	}
	asked.Device = first
	_, again, err := h.login().CookieLogin(t.Context(), asked)
	if err != nil || again != first {
		t.Errorf("the same cookie again: %v, error %v", again == first, err)
	}
	_, other, err := h.login().Login(t.Context(), signIn("alice", goodPassword))
	if err != nil || other == first {
		t.Errorf("another device has the same cookie: %v, error %v", other == first, err)
	}
	owner, known := h.devices().Owner(first)
	if _, forged := h.devices().Owner(secret.New("x")); !known || owner != h.user(t, "alice").ID || forged {
		t.Errorf("the owner is %v, %v; of a forged one: %v", owner, known, forged)
	}
}

// TestAGuardWhoseStoreFails: no count, no hash; what is not noted now is noted later.
func TestAGuardWhoseStoreFails(t *testing.T) {
	h := newHouse(t)
	h.register(t, "alice", "alice@example.com")
	before := h.hasher.Hashes()
	h.tap.Inject(wiretap.OfLimits+"UpdateItem", 0, 1000, wiretap.Refuse)
	if _, err := h.tryLogin(t.Context(), "alice", goodPassword); !errors.Is(err, fault.ServiceUnavailable) || h.hasher.Hashes() != before {
		t.Errorf("without a count: %v, %d hashes", err, h.hasher.Hashes()-before)
	}
	h.tap.Reset()
	h.tap.Inject(wiretap.OfLimits+"DeleteItem", 0, 8, wiretap.Refuse)
	if _, err := h.tryLogin(t.Context(), "alice", goodPassword); err != nil {
		t.Errorf("a count that cannot be cleared: %v", err)
	}
	if h.tries(t) == "no" {
		t.Fatal("the count was cleared")
	}
	h.tap.Inject(wiretap.OfLimits+"TransactWriteItems", 0, 8, wiretap.Refuse)
	h.fail(t, 4, wrong("alice"))
	if h.notices(t) != 0 {
		t.Fatal("the notice was queued")
	}
	h.tap.Reset()
	h.fail(t, 1, wrong("alice"))
	if notices := h.notices(t); notices != 1 {
		t.Errorf("%d notices were queued by the next failure", notices)
	}
}

// TestASlotWhoseAnswerIsLostIsKnownAgain.
func TestASlotWhoseAnswerIsLostIsKnownAgain(t *testing.T) {
	h := newHouse(t)
	h.register(t, "alice", "alice@example.com")
	h.fail(t, 5, wrong("alice"))
	h.clock = h.clock.Add(15 * time.Second)
	h.tap.Inject(wiretap.OfLimits+"UpdateItem", 1, 1, wiretap.LoseAnswer)
	if wait, err := h.try(t, signIn("alice", goodPassword)); wait != 0 || err != nil {
		t.Errorf("wait %v, error %v", wait, err)
	}
}
