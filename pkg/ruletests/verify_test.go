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

func (h *house) verify(t *testing.T, token secret.String) (maillink.Verified, error) {
	t.Helper()
	return h.verifier().Verify(t.Context(), token, session.Credentials{})
}

func TestVerifyingIsIdempotent(t *testing.T) {
	h := newHouse(t)
	h.register(t, "alice", "alice@example.com")
	older := h.mailed(t, outbox.Verification, "alice@example.com")
	newer := h.mailed(t, outbox.Verification, "alice@example.com")
	if older == newer {
		t.Fatal("two mails have one link")
	}
	for i, want := range []maillink.Verified{maillink.VerifiedNow, maillink.VerifiedBefore, maillink.VerifiedBefore} {
		if got, err := h.verify(t, newer); err != nil || got != want {
			t.Errorf("time %d: %v, error %v", i, got, err)
		}
	}
	if _, err := h.verify(t, older); err != nil {
		t.Errorf("an older link: %v", err)
	}
	if user := h.user(t, "alice"); !user.EmailVerified || user.Proven {
		t.Errorf("the account is %+v", user)
	}
}

// TestAVerificationProves only with a live session of that account.
func TestAVerificationProves(t *testing.T) {
	tests := map[string]struct {
		credentials func(h *house, t *testing.T, alice, bob session.Pair) session.Credentials
		proven      bool
	}{
		"no credential": {func(*house, *testing.T, session.Pair, session.Pair) session.Credentials { return session.Credentials{} }, false},
		"its own token": {func(_ *house, _ *testing.T, alice, _ session.Pair) session.Credentials {
			return session.Credentials{Access: alice.Access}
		}, true},
		"its own cookie": {func(h *house, t *testing.T, _, _ session.Pair) session.Credentials {
			return session.Credentials{Cookie: h.cookieSignIn(t, "alice")}
		}, true},
		"another's token": {func(_ *house, _ *testing.T, _, bob session.Pair) session.Credentials {
			return session.Credentials{Access: bob.Access}
		}, false},
		"another's token, its own cookie": {func(h *house, t *testing.T, _, bob session.Pair) session.Credentials {
			return session.Credentials{Access: bob.Access, Cookie: h.cookieSignIn(t, "alice")}
		}, true},
		"a bad token": {func(*house, *testing.T, session.Pair, session.Pair) session.Credentials {
			return session.Credentials{Access: secret.New("bad")}
		}, false},
		"a token of an ended session": {func(h *house, t *testing.T, alice, _ session.Pair) session.Credentials {
			if err := h.endSessions(t.Context(), session.Credentials{Access: alice.Access}, secret.String{}); err != nil {
				t.Fatal(err)
			}
			return session.Credentials{Access: alice.Access}
		}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			alice, bob := h.register(t, "alice", "alice@example.com"), h.register(t, "bob", "bob@example.com")
			token := h.mailed(t, outbox.Verification, "alice@example.com")
			credentials := test.credentials(h, t, alice, bob)
			h.tap.Reset()
			if _, err := h.verifier().Verify(t.Context(), token, credentials); err != nil {
				t.Fatal(err)
			}
			if calls := h.tap.Calls(); len(calls) != 2 || calls[1].Write != 4 {
				t.Errorf("the calls are %+v", calls)
			}
			user := h.user(t, "alice")
			if !user.EmailVerified || user.Proven != test.proven {
				t.Errorf("verified %v, proven %v", user.EmailVerified, user.Proven)
			}
		})
	}
}

// TestLinksThatDoNotCount tries each kind of unusable link at each place where a link is used.
func TestLinksThatDoNotCount(t *testing.T) {
	tests := map[string]func(h *house, t *testing.T) (verification, reset secret.String){
		"of the other purpose": func(h *house, t *testing.T) (secret.String, secret.String) {
			verification := h.mailed(t, outbox.Verification, "alice@example.com")
			return h.mailed(t, outbox.Reset, "alice@example.com"), verification
		},
		"expired, not yet deleted": func(h *house, t *testing.T) (secret.String, secret.String) {
			verification, reset := h.both(t)
			h.clock = h.clock.Add(24*time.Hour + time.Second)
			return verification, reset
		},
		"after the epoch was raised": func(h *house, t *testing.T) (secret.String, secret.String) {
			verification, reset := h.both(t)
			h.change(t, "alice", changes{"epoch": number("1")})
			return verification, reset
		},
		"after the address has changed": func(h *house, t *testing.T) (secret.String, secret.String) {
			verification, reset := h.both(t)
			h.change(t, "alice", changes{"email": text("new@example.com"), "email_key": text("new@example.com")})
			return verification, reset
		},
		"after a reset": func(h *house, t *testing.T) (secret.String, secret.String) {
			verification, reset := h.both(t)
			other := h.mailed(t, outbox.Reset, "alice@example.com")
			if err := h.reset(t.Context(), other, newPassword); err != nil {
				t.Fatal(err)
			}
			return verification, reset
		},
		"void": func(h *house, t *testing.T) (secret.String, secret.String) {
			verification, reset := h.both(t)
			for _, mail := range h.mails(t) {
				h.tables.Set(t, h.tables.Sessions, "O#"+mail.String(), "-", changes{"state": text("void")})
			}
			return verification, reset
		},
		"not mailed yet": func(h *house, t *testing.T) (secret.String, secret.String) {
			verification, reset := h.both(t)
			for _, mail := range h.mails(t) {
				h.tables.Set(t, h.tables.Sessions, "O#"+mail.String(), "-", changes{"state": text("queued")})
			}
			return verification, reset
		},
		"garbage": func(*house, *testing.T) (secret.String, secret.String) {
			return secret.New("garbage"), secret.New("")
		},
		"a refresh token": func(h *house, t *testing.T) (secret.String, secret.String) {
			pair := h.signIn(t, "alice")
			return pair.Refresh, pair.Refresh
		},
	}
	for name, make := range tests {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.register(t, "alice", "alice@example.com")
			verification, reset := make(h, t)
			before := h.dump(t)
			_, verifyErr := h.verify(t, verification)
			_, lookErr := h.verifier().Inspect(t.Context(), verification)
			disownErr := h.verifier().Disown(t.Context(), verification)
			for what, err := range map[string]error{"verifying": verifyErr, "looking": lookErr, "disowning": disownErr} {
				if !errors.Is(err, maillink.ErrInvalidVerificationToken) {
					t.Errorf("%s: %v", what, err)
				}
			}
			hashes := h.hasher.Hashes()
			resetErr := h.reset(t.Context(), reset, newPassword)
			_, lookErr = h.resetter().Inspect(t.Context(), reset)
			for what, err := range map[string]error{"resetting": resetErr, "looking": lookErr} {
				if !errors.Is(err, maillink.ErrInvalidResetToken) {
					t.Errorf("%s: %v", what, err)
				}
			}
			if after := h.dump(t); len(after) != len(before) || h.hasher.Hashes() != hashes {
				t.Error("a refused link changed something or computed a hash")
			}
		})
	}
}

// both mails alice a link for each purpose.
func (h *house) both(t *testing.T) (verification, reset secret.String) {
	t.Helper()
	return h.mailed(t, outbox.Verification, "alice@example.com"), h.mailed(t, outbox.Reset, "alice@example.com")
}

func TestReset(t *testing.T) {
	h := newHouse(t)
	before := h.register(t, "alice", "alice@example.com")
	cookie := h.cookieSignIn(t, "alice")
	token := h.mailed(t, outbox.Reset, "alice@example.com")
	if view, err := h.resetter().Inspect(t.Context(), token); err != nil || view.Username != "alice" {
		t.Errorf("looking: %+v, error %v", view, err)
	}
	h.tap.Reset()
	if err := h.reset(t.Context(), token, newPassword); err != nil {
		t.Fatal(err)
	}
	calls := h.tap.Calls()
	if len(calls) != 3 || calls[0].Read+calls[1].Read != 2 || calls[2].Write != 6 {
		t.Errorf("the calls are %+v", calls)
	}
	h.ended(t, before)
	if _, err := h.show(t, secret.String{}, cookie); err == nil {
		t.Error("a cookie survived the reset")
	}
	if _, err := h.tryLogin(t.Context(), "alice", goodPassword); !errors.Is(err, account.ErrInvalidCredentials) {
		t.Errorf("the old password: %v", err)
	}
	if _, err := h.tryLogin(t.Context(), "alice", newPassword); err != nil {
		t.Errorf("the new password: %v", err)
	}
	if user := h.user(t, "alice"); !user.EmailVerified || !user.Proven || user.Epoch != 1 || user.Revision != 1 {
		t.Errorf("the account is %+v", user)
	}
	if err := h.reset(t.Context(), token, newPassword); !errors.Is(err, maillink.ErrInvalidResetToken) {
		t.Errorf("the token again: %v", err)
	}
	box := &postbox{}
	if err := h.deliver(t, box); err != nil || len(box.sent) != 1 || box.sent[0].purpose != outbox.PasswordChanged || !box.sent[0].token.IsZero() {
		t.Errorf("the notice: %+v, error %v", box.sent, err)
	}
}

// TestNoticesAreNotLimited: they are about security, and not asked for.
func TestNoticesAreNotLimited(t *testing.T) {
	h := newHouse(t)
	h.register(t, "alice", "alice@example.com")
	box := &postbox{}
	for range 3 {
		token := h.mailed(t, outbox.Reset, "alice@example.com")
		if err := h.reset(t.Context(), token, newPassword); err != nil {
			t.Fatal(err)
		}
		if err := h.deliver(t, box); err != nil {
			t.Fatal(err)
		}
	}
	if len(box.sent) != 3 {
		t.Errorf("sent were %+v", box.sent)
	}
}

func TestAPasswordThatIsRefusedSpendsNothing(t *testing.T) {
	h := newHouse(t)
	h.register(t, "pythonista", "guido@example.com")
	token := h.mailed(t, outbox.Reset, "guido@example.com")
	for name, password := range map[string]string{
		"short": "short", "common": "password123", "the username": "xPythonistaX", "the address": "guido@example.com",
	} {
		err := h.reset(t.Context(), token, password)
		if refused := fault.From(err); refused.Kind != fault.Invalid || refused.Fields[0].Key != "new_password" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := h.reset(t.Context(), token, newPassword); err != nil {
		t.Errorf("a good one after that: %v", err)
	}
}

func TestAResetSetsAFirstPassword(t *testing.T) {
	h := newHouse(t)
	h.with(t, "oauthonly", changes{"phc": text("")})
	token := h.mailed(t, outbox.Reset, "oauthonly@example.com")
	if err := h.reset(t.Context(), token, newPassword); err != nil {
		t.Fatal(err)
	}
	if _, err := h.tryLogin(t.Context(), "oauthonly", newPassword); err != nil {
		t.Errorf("the first password: %v", err)
	}
}

func TestADisabledAccountCannotBeReset(t *testing.T) {
	h := newHouse(t)
	h.register(t, "alice", "alice@example.com")
	token := h.mailed(t, outbox.Reset, "alice@example.com")
	h.change(t, "alice", changes{"active": boolean(false)})
	if err := h.reset(t.Context(), token, newPassword); !errors.Is(err, maillink.ErrInvalidResetToken) {
		t.Errorf("the error is %v", err)
	}
}

// TestManyResetsAtOnce with one token: one wins, and only its password logs in.
func TestManyResetsAtOnce(t *testing.T) {
	h := newHouse(t)
	before := h.register(t, "alice", "alice@example.com")
	token := h.mailed(t, outbox.Reset, "alice@example.com")
	var won atomic.Int32
	var winner atomic.Value
	var all sync.WaitGroup
	for i := range 32 {
		all.Go(func() {
			password := fmt.Sprintf("A good password %d", i)
			switch err := h.reset(t.Context(), token, password); {
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
		asked := signIn("alice", password)
		asked.Device = h.deviceOf(t, "alice") // a stranger would have to wait after five
		_, _, err := h.login().Login(t.Context(), asked)
		if (err == nil) != (password == winner.Load()) {
			t.Errorf("%q: %v", password, err)
		}
	}
	h.ended(t, before)
}

// TestDisown is for the owner of an address that a stranger registered.
func TestDisown(t *testing.T) {
	h := newHouse(t)
	strangers := h.register(t, "alice", "alice@example.com")
	token := h.mailed(t, outbox.Verification, "alice@example.com")
	if view, err := h.verifier().Inspect(t.Context(), token); err != nil || view != (maillink.LinkInfo{Username: "alice"}) {
		t.Errorf("looking: %+v, error %v", view, err)
	}
	if _, err := h.verify(t, token); err != nil { // by a scanner
		t.Fatal(err)
	}
	if err := h.verifier().Disown(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	h.ended(t, strangers)
	if _, err := h.tryLogin(t.Context(), "alice", goodPassword); !errors.Is(err, account.ErrInvalidCredentials) {
		t.Errorf("the stranger's password: %v", err)
	}
	if _, err := h.verify(t, token); !errors.Is(err, maillink.ErrInvalidVerificationToken) {
		t.Errorf("the link after that: %v", err)
	}
	if err := h.verifier().Disown(t.Context(), token); !errors.Is(err, maillink.ErrInvalidVerificationToken) {
		t.Errorf("disowning again: %v", err)
	}
	reset := h.mailed(t, outbox.Reset, "alice@example.com")
	if err := h.reset(t.Context(), reset, newPassword); err != nil {
		t.Errorf("the owner takes the account: %v", err)
	}
}

func TestAProvenAccountCannotBeDisowned(t *testing.T) {
	h := newHouse(t)
	pair := h.register(t, "alice", "alice@example.com")
	token := h.mailed(t, outbox.Verification, "alice@example.com")
	if _, err := h.verifier().Verify(t.Context(), token, session.Credentials{Access: pair.Access}); err != nil {
		t.Fatal(err)
	}
	if view, err := h.verifier().Inspect(t.Context(), token); err != nil || !view.Proven {
		t.Errorf("looking: %+v, error %v", view, err)
	}
	if err := h.verifier().Disown(t.Context(), token); !errors.Is(err, maillink.ErrInvalidVerificationToken) {
		t.Errorf("the error is %v", err)
	}
	if _, err := h.authenticate(t, pair); err != nil {
		t.Errorf("the session ended: %v", err)
	}
}
