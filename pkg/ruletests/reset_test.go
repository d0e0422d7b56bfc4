package ruletests

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"latchkey/pkg/account"
	"latchkey/pkg/fault"
	"latchkey/pkg/maillink"
	"latchkey/pkg/outbox"
	"latchkey/pkg/secret"
)

const newPassword = "NewSecurePass456!"

func TestReset(t *testing.T) {
	f := newFixture(t)
	before := f.register(t, "alice", "alice@example.com")
	cookie := f.mustCookieLogin(t, "alice")
	token := f.mailedToken(t, outbox.Reset, "alice@example.com")
	if info, err := f.resetter().Inspect(t.Context(), token); err != nil || info.Username != "alice" {
		t.Errorf("Inspect: got %+v and the error %v, want alice", info, err)
	}
	f.tap.Reset()
	if err := f.reset(t.Context(), token, newPassword); err != nil {
		t.Fatal(err)
	}
	calls := f.tap.Calls()
	if len(calls) != 3 || calls[0].Read+calls[1].Read != 2 || calls[2].Write != 6 {
		t.Errorf("the calls: got %+v, want two that read 2 units and one that writes 6", calls)
	}
	f.checkEnded(t, before)
	if _, err := f.authenticateWith(t, secret.String{}, cookie); err == nil {
		t.Error("a session cookie after the reset: got no error, want a refusal")
	}
	if _, err := f.passwordLogin(t.Context(), "alice", goodPassword); !errors.Is(err, account.ErrInvalidCredentials) {
		t.Errorf("a login with the old password: got the error %v, want %v", err, account.ErrInvalidCredentials)
	}
	if _, err := f.passwordLogin(t.Context(), "alice", newPassword); err != nil {
		t.Errorf("a login with the new password: got the error %v, want none", err)
	}
	if user := f.user(t, "alice"); !user.EmailVerified || !user.Proven || user.Epoch != 1 || user.Revision != 1 {
		t.Errorf("the account: got %+v, want it verified and proven, with the epoch 1 and the revision 1", user)
	}
	if err := f.reset(t.Context(), token, newPassword); !errors.Is(err, maillink.ErrInvalidResetToken) {
		t.Errorf("a second reset with the token: got the error %v, want %v", err, maillink.ErrInvalidResetToken)
	}
	sender := &fakeSender{}
	err := f.deliver(t, sender)
	if err != nil || len(sender.sent) != 1 || sender.sent[0].purpose != outbox.PasswordChanged || !sender.sent[0].token.IsZero() {
		t.Errorf("the mails after the reset: got %+v and the error %v, want one %s without a token", sender.sent, err, outbox.PasswordChanged)
	}
}

// TestNoticesAreNotLimited sends three notices of one purpose within minutes.
func TestNoticesAreNotLimited(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "alice@example.com")
	sender := &fakeSender{}
	for range 3 {
		token := f.mailedToken(t, outbox.Reset, "alice@example.com")
		if err := f.reset(t.Context(), token, newPassword); err != nil {
			t.Fatal(err)
		}
		if err := f.deliver(t, sender); err != nil {
			t.Fatal(err)
		}
	}
	if len(sender.sent) != 3 {
		t.Errorf("the mails: got %+v, want 3 notices", sender.sent)
	}
}

func TestARefusedPasswordSpendsNothing(t *testing.T) {
	f := newFixture(t)
	f.register(t, "pythonista", "guido@example.com")
	token := f.mailedToken(t, outbox.Reset, "guido@example.com")
	for name, password := range map[string]string{
		"short": "short", "common": "password123", "the username": "xPythonistaX", "the address": "guido@example.com",
	} {
		err := f.reset(t.Context(), token, password)
		if refused := fault.From(err); refused.Kind != fault.Invalid || refused.Fields[0].Key != "new_password" {
			t.Errorf("%s, %q: got the error %v, want a fault of new_password", name, password, err)
		}
	}
	if err := f.reset(t.Context(), token, newPassword); err != nil {
		t.Errorf("an acceptable password afterwards: got the error %v, want none", err)
	}
}

func TestAResetSetsAFirstPassword(t *testing.T) {
	f := newFixture(t)
	f.registerWith(t, "oauthonly", attributes{"phc": text("")})
	token := f.mailedToken(t, outbox.Reset, "oauthonly@example.com")
	if err := f.reset(t.Context(), token, newPassword); err != nil {
		t.Fatal(err)
	}
	if _, err := f.passwordLogin(t.Context(), "oauthonly", newPassword); err != nil {
		t.Errorf("a login with the first password: got the error %v, want none", err)
	}
}

func TestADisabledAccountCannotBeReset(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "alice@example.com")
	token := f.mailedToken(t, outbox.Reset, "alice@example.com")
	f.setUser(t, "alice", attributes{"active": boolean(false)})
	if err := f.reset(t.Context(), token, newPassword); !errors.Is(err, maillink.ErrInvalidResetToken) {
		t.Errorf("the reset: got the error %v, want %v", err, maillink.ErrInvalidResetToken)
	}
}

// TestManyResetsAtOnce shows that of many resets with one token one succeeds, and that only its password is then correct.
func TestManyResetsAtOnce(t *testing.T) {
	f := newFixture(t)
	before := f.register(t, "alice", "alice@example.com")
	token := f.mailedToken(t, outbox.Reset, "alice@example.com")
	var won atomic.Int32
	var winner atomic.Value
	var all sync.WaitGroup
	for i := range 32 {
		all.Go(func() {
			password := fmt.Sprintf("A good password %d", i)
			switch err := f.reset(t.Context(), token, password); {
			case err == nil:
				won.Add(1)
				winner.Store(password)
			case !errors.Is(err, maillink.ErrInvalidResetToken):
				t.Errorf("a concurrent reset: got the error %v, want none or %v", err, maillink.ErrInvalidResetToken)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Fatalf("the successful resets: got %d, want 1", won.Load())
	}
	for i := range 32 {
		password := fmt.Sprintf("A good password %d", i)
		req := attempt("alice", password)
		req.Device = f.deviceOf(t, "alice") // an unknown device would have to wait after five attempts
		_, err := f.login().Login(t.Context(), req)
		if (err == nil) != (password == winner.Load()) {
			t.Errorf("a login with %q: got the error %v, want success only with %q", password, err, winner.Load())
		}
	}
	f.checkEnded(t, before)
}
