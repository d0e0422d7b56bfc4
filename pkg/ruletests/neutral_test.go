package ruletests

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"latchkey/pkg/account"
	"latchkey/pkg/outbox"
	"latchkey/pkg/signup"
)

func (f *fixture) neutral() *signup.NeutralRegistrar {
	return signup.NewNeutralRegistrar(f.registrar(), f.store)
}

// TestNeutralRegistrationRevealsNoAddress shows that free and taken addresses cost the same calls, units and hashes, and that each
// receives its kind of mail.
func TestNeutralRegistrationRevealsNoAddress(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "alice@example.com")
	seen := map[string]bool{}
	for i, email := range []string{"free@example.com", "alice@example.com", "ALICE@Example.com", "free@example.com"} {
		f.tap.Reset()
		before := f.hasher.Hashes()
		err := f.neutral().Register(t.Context(), registration(fmt.Sprintf("user%d", i), email))
		var operations []string
		for _, call := range f.tap.Calls() {
			operations = append(operations, fmt.Sprint(call.Operation, call.Read, call.Write))
		}
		seen[fmt.Sprint(err, operations, f.hasher.Hashes()-before)] = true
	}
	if len(seen) != 1 {
		t.Errorf("free and taken addresses: got %d different responses, want 1: %v", len(seen), seen)
	}
	purposes := map[outbox.Purpose]int{}
	for _, item := range f.tables.Items(t, f.tables.Sessions) {
		for _, purpose := range []outbox.Purpose{outbox.Verification, outbox.AddressTaken} {
			if strings.Contains(fmt.Sprint(item["purpose"]), string(purpose)) {
				purposes[purpose]++
			}
		}
	}
	if purposes[outbox.Verification] != 2 || purposes[outbox.AddressTaken] != 3 {
		t.Errorf("the mails: got %v, want 2 of %s and 3 of %s", purposes, outbox.Verification, outbox.AddressTaken)
	}
	if err := f.neutral().Register(t.Context(), registration("alice", "alice@example.com")); !errors.Is(err, account.ErrUsernameTaken) {
		t.Errorf("a taken username: got the error %v, want %v", err, account.ErrUsernameTaken)
	}
	if err := f.neutral().Register(t.Context(), registration("a@b", "nowhere")); err == nil {
		t.Error("an invalid username and address: got no error, want a refusal")
	}
}

// TestAPendingAccountHasNoLogin shows that logins fail until the address is verified.
func TestAPendingAccountHasNoLogin(t *testing.T) {
	ways := map[string]func(t *testing.T, f *fixture) string{
		"the verification link": func(t *testing.T, f *fixture) string {
			if _, err := f.verify(t, f.mailedToken(t, outbox.Verification, "alice@example.com")); err != nil {
				t.Fatal(err)
			}
			return goodPassword
		},
		"a reset": func(t *testing.T, f *fixture) string {
			if err := f.reset(t.Context(), f.mailedToken(t, outbox.Reset, "alice@example.com"), "Another password 1"); err != nil {
				t.Fatal(err)
			}
			return "Another password 1"
		},
	}
	for name, open := range ways {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			if err := f.neutral().Register(t.Context(), registration("alice", "alice@example.com")); err != nil {
				t.Fatal(err)
			}
			if user := f.user(t, "alice"); !user.Pending || user.EmailVerified {
				t.Errorf("the account: got %+v, want a pending one without a verified address", user)
			}
			for range 2 {
				if _, err := f.passwordLogin(t.Context(), "alice", goodPassword); !errors.Is(err, account.ErrInvalidCredentials) {
					t.Errorf("a login before: got the error %v, want %v", err, account.ErrInvalidCredentials)
				}
			}
			_, err := f.login().CookieLogin(t.Context(), attempt("alice@example.com", goodPassword))
			if !errors.Is(err, account.ErrInvalidCredentials) {
				t.Errorf("a cookie login before: got the error %v, want %v", err, account.ErrInvalidCredentials)
			}
			if counted := f.countedAttempts(t); counted != "3" {
				t.Errorf("the counted attempts: got %s, want 3", counted)
			}
			password := open(t, f)
			if _, err := f.passwordLogin(t.Context(), "alice", password); err != nil {
				t.Errorf("a login after: got the error %v, want none", err)
			}
		})
	}
}
