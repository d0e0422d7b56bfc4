package ruletests

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/pkg/account"
	"latchkey/pkg/fault"
	"latchkey/pkg/maillink"
	"latchkey/pkg/outbox"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
)

const newPassword = "NewSecurePass456!"

func (f *fixture) verify(t *testing.T, token secret.String) (maillink.Verified, error) {
	t.Helper()
	return f.verifier().Verify(t.Context(), token, session.Credentials{})
}

func TestVerifyingIsIdempotent(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "alice@example.com")
	older := f.mailedToken(t, outbox.Verification, "alice@example.com")
	newer := f.mailedToken(t, outbox.Verification, "alice@example.com")
	if older == newer {
		t.Fatal("two mails have one link")
	}
	for i, want := range []maillink.Verified{maillink.VerifiedNow, maillink.VerifiedBefore, maillink.VerifiedBefore} {
		if got, err := f.verify(t, newer); err != nil || got != want {
			t.Errorf("time %d: %v, error %v", i, got, err)
		}
	}
	if _, err := f.verify(t, older); err != nil {
		t.Errorf("an older link: %v", err)
	}
	if user := f.user(t, "alice"); !user.EmailVerified || user.Proven {
		t.Errorf("the account is %+v", user)
	}
}

// TestAVerificationProves only with a live session of that account.
func TestAVerificationProves(t *testing.T) {
	tests := map[string]struct {
		credentials func(f *fixture, t *testing.T, alice, bob session.Pair) session.Credentials
		proven      bool
	}{
		"no credential": {func(*fixture, *testing.T, session.Pair, session.Pair) session.Credentials {
			return session.Credentials{}
		}, false},
		"its own token": {func(_ *fixture, _ *testing.T, alice, _ session.Pair) session.Credentials {
			return session.Credentials{Access: alice.Access}
		}, true},
		"its own cookie": {func(f *fixture, t *testing.T, _, _ session.Pair) session.Credentials {
			return session.Credentials{Cookie: f.mustCookieLogin(t, "alice")}
		}, true},
		"another's token": {func(_ *fixture, _ *testing.T, _, bob session.Pair) session.Credentials {
			return session.Credentials{Access: bob.Access}
		}, false},
		"another's token, its own cookie": {func(f *fixture, t *testing.T, _, bob session.Pair) session.Credentials {
			return session.Credentials{Access: bob.Access, Cookie: f.mustCookieLogin(t, "alice")}
		}, true},
		"a bad token": {func(*fixture, *testing.T, session.Pair, session.Pair) session.Credentials {
			return session.Credentials{Access: secret.New("bad")}
		}, false},
		"a token of an ended session": {func(f *fixture, t *testing.T, alice, _ session.Pair) session.Credentials {
			if err := f.logOut(t.Context(), session.Credentials{Access: alice.Access}, secret.String{}); err != nil {
				t.Fatal(err)
			}
			return session.Credentials{Access: alice.Access}
		}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			alice, bob := f.register(t, "alice", "alice@example.com"), f.register(t, "bob", "bob@example.com")
			token := f.mailedToken(t, outbox.Verification, "alice@example.com")
			credentials := test.credentials(f, t, alice, bob)
			f.tap.Reset()
			if _, err := f.verifier().Verify(t.Context(), token, credentials); err != nil {
				t.Fatal(err)
			}
			if calls := f.tap.Calls(); len(calls) != 2 || calls[1].Write != 4 {
				t.Errorf("the calls are %+v", calls)
			}
			user := f.user(t, "alice")
			if !user.EmailVerified || user.Proven != test.proven {
				t.Errorf("verified %v, proven %v", user.EmailVerified, user.Proven)
			}
		})
	}
}

// TestLinksThatDoNotCount tries each kind of unusable link at each place where a link is used.
func TestLinksThatDoNotCount(t *testing.T) {
	tests := map[string]func(f *fixture, t *testing.T) (verification, reset secret.String){
		"of the other purpose": func(f *fixture, t *testing.T) (secret.String, secret.String) {
			verification := f.mailedToken(t, outbox.Verification, "alice@example.com")
			return f.mailedToken(t, outbox.Reset, "alice@example.com"), verification
		},
		"expired, not yet deleted": func(f *fixture, t *testing.T) (secret.String, secret.String) {
			verification, reset := f.bothTokens(t)
			f.clock = f.clock.Add(24*time.Hour + time.Second)
			return verification, reset
		},
		"after the epoch was raised": func(f *fixture, t *testing.T) (secret.String, secret.String) {
			verification, reset := f.bothTokens(t)
			f.setUser(t, "alice", attributes{"epoch": number("1")})
			return verification, reset
		},
		"after the address has changed": func(f *fixture, t *testing.T) (secret.String, secret.String) {
			verification, reset := f.bothTokens(t)
			f.setUser(t, "alice", attributes{"email": text("new@example.com"), "email_key": text("new@example.com")})
			return verification, reset
		},
		"after a reset": func(f *fixture, t *testing.T) (secret.String, secret.String) {
			verification, reset := f.bothTokens(t)
			other := f.mailedToken(t, outbox.Reset, "alice@example.com")
			if err := f.reset(t.Context(), other, newPassword); err != nil {
				t.Fatal(err)
			}
			return verification, reset
		},
		"void": func(f *fixture, t *testing.T) (secret.String, secret.String) {
			verification, reset := f.bothTokens(t)
			for _, mail := range f.mailIDs(t) {
				f.tables.Set(t, f.tables.Sessions, "O#"+mail.String(), "-", attributes{"state": text("void")})
			}
			return verification, reset
		},
		"not mailed yet": func(f *fixture, t *testing.T) (secret.String, secret.String) {
			verification, reset := f.bothTokens(t)
			for _, mail := range f.mailIDs(t) {
				f.tables.Set(t, f.tables.Sessions, "O#"+mail.String(), "-", attributes{"state": text("queued")})
			}
			return verification, reset
		},
		"garbage": func(*fixture, *testing.T) (secret.String, secret.String) {
			return secret.New("garbage"), secret.New("")
		},
		"a refresh token": func(f *fixture, t *testing.T) (secret.String, secret.String) {
			pair := f.mustLogin(t, "alice")
			return pair.Refresh, pair.Refresh
		},
	}
	for name, make := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.register(t, "alice", "alice@example.com")
			verification, reset := make(f, t)
			before := f.dump(t)
			_, verifyErr := f.verify(t, verification)
			_, lookErr := f.verifier().Inspect(t.Context(), verification)
			disownErr := f.verifier().Disown(t.Context(), verification)
			for what, err := range map[string]error{"verifying": verifyErr, "looking": lookErr, "disowning": disownErr} {
				if !errors.Is(err, maillink.ErrInvalidVerificationToken) {
					t.Errorf("%s: %v", what, err)
				}
			}
			hashes := f.hasher.Hashes()
			resetErr := f.reset(t.Context(), reset, newPassword)
			_, lookErr = f.resetter().Inspect(t.Context(), reset)
			for what, err := range map[string]error{"resetting": resetErr, "looking": lookErr} {
				if !errors.Is(err, maillink.ErrInvalidResetToken) {
					t.Errorf("%s: %v", what, err)
				}
			}
			if after := f.dump(t); len(after) != len(before) || f.hasher.Hashes() != hashes {
				t.Error("a refused link changed something or computed a hash")
			}
		})
	}
}

// both mails alice a link for each purpose.
func (f *fixture) bothTokens(t *testing.T) (verification, reset secret.String) {
	t.Helper()
	return f.mailedToken(t, outbox.Verification, "alice@example.com"), f.mailedToken(t, outbox.Reset, "alice@example.com")
}

func TestReset(t *testing.T) {
	f := newFixture(t)
	before := f.register(t, "alice", "alice@example.com")
	cookie := f.mustCookieLogin(t, "alice")
	token := f.mailedToken(t, outbox.Reset, "alice@example.com")
	if view, err := f.resetter().Inspect(t.Context(), token); err != nil || view.Username != "alice" {
		t.Errorf("looking: %+v, error %v", view, err)
	}
	f.tap.Reset()
	if err := f.reset(t.Context(), token, newPassword); err != nil {
		t.Fatal(err)
	}
	calls := f.tap.Calls()
	if len(calls) != 3 || calls[0].Read+calls[1].Read != 2 || calls[2].Write != 6 {
		t.Errorf("the calls are %+v", calls)
	}
	f.checkEnded(t, before)
	if _, err := f.authenticateWith(t, secret.String{}, cookie); err == nil {
		t.Error("a cookie survived the reset")
	}
	if _, err := f.passwordLogin(t.Context(), "alice", goodPassword); !errors.Is(err, account.ErrInvalidCredentials) {
		t.Errorf("the old password: %v", err)
	}
	if _, err := f.passwordLogin(t.Context(), "alice", newPassword); err != nil {
		t.Errorf("the new password: %v", err)
	}
	if user := f.user(t, "alice"); !user.EmailVerified || !user.Proven || user.Epoch != 1 || user.Revision != 1 {
		t.Errorf("the account is %+v", user)
	}
	if err := f.reset(t.Context(), token, newPassword); !errors.Is(err, maillink.ErrInvalidResetToken) {
		t.Errorf("the token again: %v", err)
	}
	box := &fakeSender{}
	if err := f.deliver(t, box); err != nil || len(box.sent) != 1 || box.sent[0].purpose != outbox.PasswordChanged || !box.sent[0].token.IsZero() {
		t.Errorf("the notice: %+v, error %v", box.sent, err)
	}
}

// TestNoticesAreNotLimited: they are about security, and not asked for.
func TestNoticesAreNotLimited(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "alice@example.com")
	box := &fakeSender{}
	for range 3 {
		token := f.mailedToken(t, outbox.Reset, "alice@example.com")
		if err := f.reset(t.Context(), token, newPassword); err != nil {
			t.Fatal(err)
		}
		if err := f.deliver(t, box); err != nil {
			t.Fatal(err)
		}
	}
	if len(box.sent) != 3 {
		t.Errorf("sent were %+v", box.sent)
	}
}

func TestAPasswordThatIsRefusedSpendsNothing(t *testing.T) {
	f := newFixture(t)
	f.register(t, "pythonista", "guido@example.com")
	token := f.mailedToken(t, outbox.Reset, "guido@example.com")
	for name, password := range map[string]string{
		"short": "short", "common": "password123", "the username": "xPythonistaX", "the address": "guido@example.com",
	} {
		err := f.reset(t.Context(), token, password)
		if refused := fault.From(err); refused.Kind != fault.Invalid || refused.Fields[0].Key != "new_password" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := f.reset(t.Context(), token, newPassword); err != nil {
		t.Errorf("a good one after that: %v", err)
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
		t.Errorf("the first password: %v", err)
	}
}

func TestADisabledAccountCannotBeReset(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "alice@example.com")
	token := f.mailedToken(t, outbox.Reset, "alice@example.com")
	f.setUser(t, "alice", attributes{"active": boolean(false)})
	if err := f.reset(t.Context(), token, newPassword); !errors.Is(err, maillink.ErrInvalidResetToken) {
		t.Errorf("the error is %v", err)
	}
}

// TestManyResetsAtOnce with one token: one wins, and only its password logs in.
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
				t.Errorf("resetting: %v", err)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Fatalf("%d have won", won.Load())
	}
	for i := range 32 {
		password := fmt.Sprintf("A good password %d", i)
		asked := attempt("alice", password)
		asked.Device = f.deviceOf(t, "alice") // a stranger would have to wait after five
		_, _, err := f.login().Login(t.Context(), asked)
		if (err == nil) != (password == winner.Load()) {
			t.Errorf("%q: %v", password, err)
		}
	}
	f.checkEnded(t, before)
}

// TestDisown is for the owner of an address that a stranger registered.
func TestDisown(t *testing.T) {
	f := newFixture(t)
	strangers := f.register(t, "alice", "alice@example.com")
	token := f.mailedToken(t, outbox.Verification, "alice@example.com")
	if view, err := f.verifier().Inspect(t.Context(), token); err != nil || view != (maillink.LinkInfo{Username: "alice"}) {
		t.Errorf("looking: %+v, error %v", view, err)
	}
	if _, err := f.verify(t, token); err != nil { // by a scanner
		t.Fatal(err)
	}
	if err := f.verifier().Disown(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	f.checkEnded(t, strangers)
	if _, err := f.passwordLogin(t.Context(), "alice", goodPassword); !errors.Is(err, account.ErrInvalidCredentials) {
		t.Errorf("the stranger's password: %v", err)
	}
	if _, err := f.verify(t, token); !errors.Is(err, maillink.ErrInvalidVerificationToken) {
		t.Errorf("the link after that: %v", err)
	}
	if err := f.verifier().Disown(t.Context(), token); !errors.Is(err, maillink.ErrInvalidVerificationToken) {
		t.Errorf("disowning again: %v", err)
	}
	reset := f.mailedToken(t, outbox.Reset, "alice@example.com")
	if err := f.reset(t.Context(), reset, newPassword); err != nil {
		t.Errorf("the owner takes the account: %v", err)
	}
}

func TestAProvenAccountCannotBeDisowned(t *testing.T) {
	f := newFixture(t)
	pair := f.register(t, "alice", "alice@example.com")
	token := f.mailedToken(t, outbox.Verification, "alice@example.com")
	if _, err := f.verifier().Verify(t.Context(), token, session.Credentials{Access: pair.Access}); err != nil {
		t.Fatal(err)
	}
	if view, err := f.verifier().Inspect(t.Context(), token); err != nil || !view.Proven {
		t.Errorf("looking: %+v, error %v", view, err)
	}
	if err := f.verifier().Disown(t.Context(), token); !errors.Is(err, maillink.ErrInvalidVerificationToken) {
		t.Errorf("the error is %v", err)
	}
	if _, err := f.authenticate(t, pair); err != nil {
		t.Errorf("the session ended: %v", err)
	}
}
