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

func (h *house) neutral() *signup.NeutralRegistrar {
	return signup.NewNeutralRegistrar(h.registrar(), h.store)
}

// TestNeutralRegistrationTellsNothing: free and taken addresses cost the same calls, units and hashes, and get the mail that fits.
func TestNeutralRegistrationTellsNothing(t *testing.T) {
	h := newHouse(t)
	h.register(t, "alice", "alice@example.com")
	seen := map[string]bool{}
	for i, email := range []string{"free@example.com", "alice@example.com", "ALICE@Example.com", "free@example.com"} {
		h.tap.Reset()
		before := h.hasher.Hashes()
		err := h.neutral().Register(t.Context(), registration(fmt.Sprintf("user%d", i), email))
		var operations []string
		for _, call := range h.tap.Calls() {
			operations = append(operations, fmt.Sprint(call.Operation, call.Read, call.Write))
		}
		seen[fmt.Sprint(err, operations, h.hasher.Hashes()-before)] = true
	}
	if len(seen) != 1 {
		t.Errorf("told apart: %v", seen)
	}
	purposes := map[outbox.Purpose]int{}
	for _, item := range h.tables.Items(t, h.tables.Sessions) {
		for _, purpose := range []outbox.Purpose{outbox.Verification, outbox.AddressTaken} {
			if strings.Contains(fmt.Sprint(item["purpose"]), string(purpose)) {
				purposes[purpose]++
			}
		}
	}
	if purposes[outbox.Verification] != 2 || purposes[outbox.AddressTaken] != 3 {
		t.Errorf("the mails are %v", purposes)
	}
	if err := h.neutral().Register(t.Context(), registration("alice", "alice@example.com")); !errors.Is(err, account.ErrUsernameTaken) {
		t.Errorf("a taken username: %v", err)
	}
	if err := h.neutral().Register(t.Context(), registration("a@b", "nowhere")); err == nil {
		t.Error("what does not fit is accepted")
	}
}

// TestAPendingAccountSignsNobodyIn until its mailbox has been shown to be owned.
func TestAPendingAccountSignsNobodyIn(t *testing.T) {
	ways := map[string]func(t *testing.T, h *house) string{
		"the link of its mail": func(t *testing.T, h *house) string {
			if _, err := h.verify(t, h.mailed(t, outbox.Verification, "alice@example.com")); err != nil {
				t.Fatal(err)
			}
			return goodPassword
		},
		"a reset": func(t *testing.T, h *house) string {
			if err := h.reset(t.Context(), h.mailed(t, outbox.Reset, "alice@example.com"), "Another password 1"); err != nil {
				t.Fatal(err)
			}
			return "Another password 1"
		},
	}
	for name, open := range ways {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			if err := h.neutral().Register(t.Context(), registration("alice", "alice@example.com")); err != nil {
				t.Fatal(err)
			}
			if user := h.user(t, "alice"); !user.Pending || user.EmailVerified {
				t.Errorf("the account is %+v", user)
			}
			for range 2 {
				if _, err := h.tryLogin(t.Context(), "alice", goodPassword); !errors.Is(err, account.ErrInvalidCredentials) {
					t.Errorf("before: %v", err)
				}
			}
			if _, _, err := h.login().CookieLogin(t.Context(), signIn("alice@example.com", goodPassword)); !errors.Is(err, account.ErrInvalidCredentials) {
				t.Errorf("for a cookie: %v", err)
			}
			if made := h.tries(t); made != "3" {
				t.Errorf("%s tries are counted", made)
			}
			password := open(t, h)
			if _, err := h.tryLogin(t.Context(), "alice", password); err != nil {
				t.Errorf("after: %v", err)
			}
		})
	}
}
