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

func TestAMailIsReadAsItWasWritten(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		user, _ := create(t, f, "alice", "alice@example.com")
		first := queued(t, f)
		if first.State != outbox.Queued || !first.User.IsZero() || first.Address != "alice@example.com" {
			t.Errorf("the registration's mail is %+v", first)
		}
		want := claimed(t, f, user)
		if got := queued(t, f); !reflect.DeepEqual(got, want) {
			t.Errorf("claimed it is %+v, want %+v", got, want)
		}
		if err := f.SetMailState(t.Context(), want.ID, want.Worker, outbox.Sent); err != nil {
			t.Fatal(err)
		}
		want.State, want.LeaseEnd = outbox.Sent, time.Unix(0, 0).UTC()
		if got := queued(t, f); !reflect.DeepEqual(got, want) {
			t.Errorf("sent it is %+v, want %+v", got, want)
		}
		count, err := f.ReadMailHistory(t.Context(), outbox.Verification, "alice@example.com")
		if err != nil || !reflect.DeepEqual(count, outbox.History{Times: []time.Time{now}, Revision: 1}) {
			t.Errorf("the counter is %+v, error %v", count, err)
		}
	})
}

// TestClaimsThatAreRefused holds each part of the conditions.
func TestClaimsThatAreRefused(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		user, _ := create(t, f, "alice", "alice@example.com")
		fresh := queued(t, f)
		again := claimOf(fresh, user)
		again.Takeover = true
		stale := claimOf(fresh, user)
		stale.History.Revision = 7
		gone := claimOf(fresh, user)
		gone.Mail.ID = user.ID
		if err := f.LeaseMail(t.Context(), again); !errors.Is(err, outbox.ErrStale) {
			t.Errorf("again, of a queued one: %v", err)
		}
		if err := f.LeaseMail(t.Context(), gone); !errors.Is(err, outbox.ErrStale) {
			t.Errorf("of one that is not there: %v", err)
		}
		if err := f.LeaseMail(t.Context(), claimOf(fresh, user)); err != nil {
			t.Fatal(err)
		}
		second := claimOf(fresh, user)
		second.History.Revision = 1
		if err := f.LeaseMail(t.Context(), second); !errors.Is(err, outbox.ErrStale) {
			t.Errorf("for the first time, of a claimed one: %v", err)
		}
		if err := f.LeaseMail(t.Context(), again); !errors.Is(err, outbox.ErrStale) {
			t.Errorf("again, under a lease: %v", err)
		}
		again.Now = again.Mail.LeaseEnd
		if err := f.LeaseMail(t.Context(), again); err != nil {
			t.Errorf("again, when the lease is over: %v", err)
		}
		another := newMail(user)
		if err := f.QueueMail(t.Context(), another); err != nil {
			t.Fatal(err)
		}
		stale.Mail.ID = another.ID
		if err := f.LeaseMail(t.Context(), stale); !errors.Is(err, outbox.ErrHistoryChanged) {
			t.Errorf("over a counter that has changed: %v", err)
		}
	})
}

func TestOfManyClaimsOneWins(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		user, _ := create(t, f, "alice", "alice@example.com")
		mail := queued(t, f)
		var won atomic.Int32
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				switch err := f.LeaseMail(t.Context(), claimOf(mail, user)); {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, outbox.ErrStale) && !errors.Is(err, outbox.ErrHistoryChanged):
					t.Errorf("claiming: %v", err)
				}
			})
		}
		all.Wait()
		if won.Load() != 1 {
			t.Errorf("%d have won", won.Load())
		}
	})
}

// TestLinksAreSpentOnlyWhileTheyCount holds each part of the conditions of what a link can do.
func TestLinksAreSpentOnlyWhileTheyCount(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		user, _ := create(t, f, "alice", "alice@example.com")
		unclaimed := claimOf(queued(t, f), user).Mail
		spend := map[string]func(outbox.Mail) error{
			"verify": func(mail outbox.Mail) error { return f.VerifyEmail(t.Context(), mail, true) },
			"disown": func(mail outbox.Mail) error { return f.DisownAccount(t.Context(), mail) },
			"reset": func(mail outbox.Mail) error {
				return f.ResetPassword(t.Context(), mail, secret.New("$new"), newMail(user))
			},
		}
		refused := func(when string, mail outbox.Mail) {
			t.Helper()
			for name, try := range spend {
				if err := try(mail); !errors.Is(err, outbox.ErrStale) {
					t.Errorf("%s, %s: %v", name, when, err)
				}
			}
		}
		refused("not claimed", unclaimed)
		mail := claimed(t, f, user)
		for when, change := range map[string]func(*outbox.Mail){
			"another epoch":   func(m *outbox.Mail) { m.Epoch++ },
			"another address": func(m *outbox.Mail) { m.Address = "bob@example.com" },
			"another user":    func(m *outbox.Mail) { m.User[0] ^= 1 },
			"another mail":    func(m *outbox.Mail) { m.ID[0] ^= 1 },
		} {
			changed := mail
			change(&changed)
			refused(when, changed)
		}
		if got, err := f.ReadUser(t.Context(), user.ID); err != nil || !reflect.DeepEqual(got, user) {
			t.Errorf("a refused link changed the account: %+v, error %v", got, err)
		}
		if err := f.VerifyEmail(t.Context(), mail, true); err != nil {
			t.Fatal(err)
		}
		if err := f.DisownAccount(t.Context(), mail); !errors.Is(err, outbox.ErrStale) {
			t.Errorf("disowning a proven account: %v", err)
		}
		if err := spend["reset"](mail); !errors.Is(err, outbox.ErrStale) {
			t.Errorf("a reset by a used link: %v", err)
		}
		if err := f.VerifyEmail(t.Context(), mail, false); err != nil {
			t.Errorf("verifying again: %v", err)
		}
		if got, err := f.ReadUser(t.Context(), user.ID); err != nil || !got.Proven || !got.EmailVerified {
			t.Errorf("the account is %+v, error %v", got, err)
		}
	})
}

func TestMailID(t *testing.T) {
	const text = "550e8400-e29b-41d4-a716-446655440000"
	if got, err := dynamo.MailID("O#" + text); err != nil || got.String() != text {
		t.Errorf("the id is %s, error %v", got, err)
	}
	for _, pk := range []string{"", "O#", "S#" + text, "O#nonsense"} {
		if got, err := dynamo.MailID(pk); err == nil || got != (id.ID{}) {
			t.Errorf("%q is read as %s", pk, got)
		}
	}
}
