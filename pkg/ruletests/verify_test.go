package ruletests

import (
	"errors"
	"testing"
	"time"

	"latchkey/pkg/account"
	"latchkey/pkg/maillink"
	"latchkey/pkg/outbox"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
)

// verify verifies an address without credentials.
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
		t.Fatal("the links of two mails: got equal ones, want different ones")
	}
	for i, want := range []maillink.Verified{maillink.VerifiedNow, maillink.VerifiedBefore, maillink.VerifiedBefore} {
		if got, err := f.verify(t, newer); err != nil || got != want {
			t.Errorf("verification %d: got %v and the error %v, want %v", i+1, got, err, want)
		}
	}
	if _, err := f.verify(t, older); err != nil {
		t.Errorf("a verification by an older link: got the error %v, want none", err)
	}
	if user := f.user(t, "alice"); !user.EmailVerified || user.Proven {
		t.Errorf("the account: got %+v, want it verified and not proven", user)
	}
}

// TestAVerificationProvesOnlyWithALiveSession uses a link together with different credentials.
func TestAVerificationProvesOnlyWithALiveSession(t *testing.T) {
	tests := map[string]struct {
		credentials func(f *fixture, t *testing.T, alice, bob session.Pair) session.Credentials
		proven      bool
	}{
		"no credential": {func(*fixture, *testing.T, session.Pair, session.Pair) session.Credentials {
			return session.Credentials{}
		}, false},
		"the account's token": {func(_ *fixture, _ *testing.T, alice, _ session.Pair) session.Credentials {
			return session.Credentials{Access: alice.Access}
		}, true},
		"the account's cookie": {func(f *fixture, t *testing.T, _, _ session.Pair) session.Credentials {
			return session.Credentials{Cookie: f.mustCookieLogin(t, "alice")}
		}, true},
		"another account's token": {func(_ *fixture, _ *testing.T, _, bob session.Pair) session.Credentials {
			return session.Credentials{Access: bob.Access}
		}, false},
		"another account's token, the account's cookie": {func(f *fixture, t *testing.T, _, bob session.Pair) session.Credentials {
			return session.Credentials{Access: bob.Access, Cookie: f.mustCookieLogin(t, "alice")}
		}, true},
		"an invalid token": {func(*fixture, *testing.T, session.Pair, session.Pair) session.Credentials {
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
				t.Errorf("the calls: got %+v, want 2, the last of which writes 4 units", calls)
			}
			user := f.user(t, "alice")
			if !user.EmailVerified || user.Proven != test.proven {
				t.Errorf("the account: got verified %v and proven %v, want true and %v", user.EmailVerified, user.Proven, test.proven)
			}
		})
	}
}

// TestUnusableLinks uses each kind of unusable link in each way that a link can be used.
func TestUnusableLinks(t *testing.T) {
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
	for name, links := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.register(t, "alice", "alice@example.com")
			verification, reset := links(f, t)
			before := f.dump(t)
			_, verifyErr := f.verify(t, verification)
			_, inspectErr := f.verifier().Inspect(t.Context(), verification)
			disownErr := f.verifier().Disown(t.Context(), verification)
			for call, err := range map[string]error{"Verify": verifyErr, "Inspect": inspectErr, "Disown": disownErr} {
				if !errors.Is(err, maillink.ErrInvalidVerificationToken) {
					t.Errorf("%s: got the error %v, want %v", call, err, maillink.ErrInvalidVerificationToken)
				}
			}
			hashes := f.hasher.Hashes()
			resetErr := f.reset(t.Context(), reset, newPassword)
			_, inspectErr = f.resetter().Inspect(t.Context(), reset)
			for call, err := range map[string]error{"Reset": resetErr, "Inspect": inspectErr} {
				if !errors.Is(err, maillink.ErrInvalidResetToken) {
					t.Errorf("%s: got the error %v, want %v", call, err, maillink.ErrInvalidResetToken)
				}
			}
			if after := f.dump(t); len(after) != len(before) || f.hasher.Hashes() != hashes {
				t.Errorf("a refused link: got %d hashes and %d bytes in the tables, want 0 and %d", f.hasher.Hashes()-hashes, len(after), len(before))
			}
		})
	}
}

// bothTokens mails alice a link of each purpose and returns their tokens.
func (f *fixture) bothTokens(t *testing.T) (verification, reset secret.String) {
	t.Helper()
	return f.mailedToken(t, outbox.Verification, "alice@example.com"), f.mailedToken(t, outbox.Reset, "alice@example.com")
}

// TestDisown removes the password that another person set for an account with the address.
func TestDisown(t *testing.T) {
	f := newFixture(t)
	pair := f.register(t, "alice", "alice@example.com")
	token := f.mailedToken(t, outbox.Verification, "alice@example.com")
	if info, err := f.verifier().Inspect(t.Context(), token); err != nil || info != (maillink.LinkInfo{Username: "alice"}) {
		t.Errorf("Inspect: got %+v and the error %v, want alice, not proven", info, err)
	}
	if _, err := f.verify(t, token); err != nil { // as a mail scanner might
		t.Fatal(err)
	}
	if err := f.verifier().Disown(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	f.checkEnded(t, pair)
	if _, err := f.passwordLogin(t.Context(), "alice", goodPassword); !errors.Is(err, account.ErrInvalidCredentials) {
		t.Errorf("a login with the removed password: got the error %v, want %v", err, account.ErrInvalidCredentials)
	}
	if _, err := f.verify(t, token); !errors.Is(err, maillink.ErrInvalidVerificationToken) {
		t.Errorf("Verify after Disown: got the error %v, want %v", err, maillink.ErrInvalidVerificationToken)
	}
	if err := f.verifier().Disown(t.Context(), token); !errors.Is(err, maillink.ErrInvalidVerificationToken) {
		t.Errorf("a second Disown: got the error %v, want %v", err, maillink.ErrInvalidVerificationToken)
	}
	reset := f.mailedToken(t, outbox.Reset, "alice@example.com")
	if err := f.reset(t.Context(), reset, newPassword); err != nil {
		t.Errorf("a reset by the owner of the mailbox: got the error %v, want none", err)
	}
}

func TestAProvenAccountCannotBeDisowned(t *testing.T) {
	f := newFixture(t)
	pair := f.register(t, "alice", "alice@example.com")
	token := f.mailedToken(t, outbox.Verification, "alice@example.com")
	if _, err := f.verifier().Verify(t.Context(), token, session.Credentials{Access: pair.Access}); err != nil {
		t.Fatal(err)
	}
	if info, err := f.verifier().Inspect(t.Context(), token); err != nil || !info.Proven {
		t.Errorf("Inspect: got %+v and the error %v, want a proven account", info, err)
	}
	if err := f.verifier().Disown(t.Context(), token); !errors.Is(err, maillink.ErrInvalidVerificationToken) {
		t.Errorf("Disown: got the error %v, want %v", err, maillink.ErrInvalidVerificationToken)
	}
	if _, err := f.authenticate(t, pair); err != nil {
		t.Errorf("the session: got the error %v, want none", err)
	}
}
