package dynamo_test

import (
	"errors"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/pkg/dynamo"
	"latchkey/pkg/id"
	"latchkey/pkg/outbox"
	"latchkey/pkg/secret"
)

func TestMailRoundTrip(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		user, _ := create(t, f, "alice", "alice@example.com")
		if got := storedMail(t, f); got.State != outbox.Queued || !got.User.IsZero() || got.Address != "alice@example.com" {
			t.Errorf("the mail of a registration: got %+v, want it queued for the address without a user", got)
		}
		want := leaseMail(t, f, user)
		if got := storedMail(t, f); !reflect.DeepEqual(got, want) {
			t.Errorf("leased: got %+v, want %+v", got, want)
		}
		if err := f.SetMailState(t.Context(), want.ID, want.Worker, outbox.Sent); err != nil {
			t.Fatal(err)
		}
		want.State, want.LeaseEnd = outbox.Sent, time.Unix(0, 0).UTC()
		if got := storedMail(t, f); !reflect.DeepEqual(got, want) {
			t.Errorf("sent: got %+v, want %+v", got, want)
		}
		wantHistory := outbox.History{Times: []time.Time{now}, Revision: 1}
		got, err := f.ReadMailHistory(t.Context(), outbox.Verification, "alice@example.com")
		if err != nil || !reflect.DeepEqual(got, wantHistory) {
			t.Errorf("got history %+v, error %v, want %+v", got, err, wantHistory)
		}
	})
}

// TestLeaseMail has a case for each part of the conditions.
func TestLeaseMail(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		user, _ := create(t, f, "alice", "alice@example.com")
		queued := storedMail(t, f)
		wantError := func(when string, lease outbox.Lease, want error) {
			t.Helper()
			if err := f.LeaseMail(t.Context(), lease); !errors.Is(err, want) {
				t.Errorf("%s: got error %v, want %v", when, err, want)
			}
		}
		takeover := newLease(queued, user)
		takeover.Takeover = true
		wantError("a takeover of a queued mail", takeover, outbox.ErrStale)
		absent := newLease(queued, user)
		absent.Mail.ID = user.ID
		wantError("an absent mail", absent, outbox.ErrStale)
		wantError("a queued mail", newLease(queued, user), nil)
		second := newLease(queued, user)
		second.History.Revision = 1
		wantError("a leased mail", second, outbox.ErrStale)
		wantError("a takeover before the end of the lease", takeover, outbox.ErrStale)
		takeover.Now = takeover.Mail.LeaseEnd
		wantError("a takeover at the end of the lease", takeover, nil)
		another := newMail(user)
		if err := f.QueueMail(t.Context(), another); err != nil {
			t.Fatal(err)
		}
		outdated := newLease(queued, user)
		outdated.Mail.ID, outdated.History.Revision = another.ID, 7
		wantError("a history of another revision", outdated, outbox.ErrHistoryChanged)
	})
}

func TestConcurrentLeases(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		user, _ := create(t, f, "alice", "alice@example.com")
		mail := storedMail(t, f)
		var leased atomic.Int32
		var callers sync.WaitGroup
		for range 16 {
			callers.Go(func() {
				switch err := f.LeaseMail(t.Context(), newLease(mail, user)); {
				case err == nil:
					leased.Add(1)
				case !errors.Is(err, outbox.ErrStale) && !errors.Is(err, outbox.ErrHistoryChanged):
					t.Errorf("got error %v, want none, %v or %v", err, outbox.ErrStale, outbox.ErrHistoryChanged)
				}
			})
		}
		callers.Wait()
		if leased.Load() != 1 {
			t.Errorf("got %d leases, want 1", leased.Load())
		}
	})
}

// TestLinks has a case for each part of the conditions of the actions of a link.
func TestLinks(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		user, _ := create(t, f, "alice", "alice@example.com")
		actions := map[string]func(outbox.Mail) error{
			"verify": func(mail outbox.Mail) error { return f.VerifyEmail(t.Context(), mail, true) },
			"disown": func(mail outbox.Mail) error { return f.DisownAccount(t.Context(), mail) },
			"reset": func(mail outbox.Mail) error {
				return f.ResetPassword(t.Context(), mail, secret.New("$new"), newMail(user))
			},
		}
		wantStale := func(when string, mail outbox.Mail) {
			t.Helper()
			for name, act := range actions {
				if err := act(mail); !errors.Is(err, outbox.ErrStale) {
					t.Errorf("%s, %s: got error %v, want %v", name, when, err, outbox.ErrStale)
				}
			}
		}
		wantStale("before the mail is leased", newLease(storedMail(t, f), user).Mail)
		mail := leaseMail(t, f, user)
		for when, change := range map[string]func(*outbox.Mail){
			"of another epoch":   func(m *outbox.Mail) { m.Epoch++ },
			"of another address": func(m *outbox.Mail) { m.Address = "bob@example.com" },
			"of another user":    func(m *outbox.Mail) { m.User[0] ^= 1 },
			"of another mail":    func(m *outbox.Mail) { m.ID[0] ^= 1 },
		} {
			changed := mail
			change(&changed)
			wantStale(when, changed)
		}
		if got, err := f.ReadUser(t.Context(), user.ID); err != nil || !reflect.DeepEqual(got, user) {
			t.Errorf("after refused actions: got account %+v, error %v, want %+v", got, err, user)
		}
		if err := f.VerifyEmail(t.Context(), mail, true); err != nil {
			t.Fatal(err)
		}
		if err := actions["disown"](mail); !errors.Is(err, outbox.ErrStale) {
			t.Errorf("disown, of a proven account: got error %v, want %v", err, outbox.ErrStale)
		}
		if err := actions["reset"](mail); !errors.Is(err, outbox.ErrStale) {
			t.Errorf("reset, by a used link: got error %v, want %v", err, outbox.ErrStale)
		}
		if err := f.VerifyEmail(t.Context(), mail, false); err != nil {
			t.Errorf("verify, by a used link: got error %v, want none", err)
		}
		if got, err := f.ReadUser(t.Context(), user.ID); err != nil || !got.Proven || !got.EmailVerified {
			t.Errorf("got account %+v, error %v, want it verified and proven", got, err)
		}
	})
}

func TestMailID(t *testing.T) {
	const text = "550e8400-e29b-41d4-a716-446655440000"
	if got, err := dynamo.MailID("O#" + text); err != nil || got.String() != text {
		t.Errorf("O#%s: got %s, error %v, want %s", text, got, err, text)
	}
	for _, pk := range []string{"", "O#", "S#" + text, "O#nonsense"} {
		if got, err := dynamo.MailID(pk); err == nil || got != (id.ID{}) {
			t.Errorf("%q: got %s, error %v, want an error", pk, got, err)
		}
	}
}
