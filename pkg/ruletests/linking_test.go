package ruletests

import (
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"latchkey/pkg/id"
	"latchkey/pkg/maillink"
	"latchkey/pkg/outbox"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
)

// preRegister registers an account with octavia's address for an attacker, who knows its password, and returns the attacker's
// session.
func (f *fixture) preRegister(t *testing.T, values attributes) session.Pair {
	t.Helper()
	pair := f.register(t, "attacker", "octavia@EXAMPLE.com")
	if values != nil {
		f.setUser(t, "attacker", values)
	}
	return pair
}

// TestLinking shows that the password and the sessions of the account survive only if the account is proven.
func TestLinking(t *testing.T) {
	tests := map[string]struct {
		before   attributes
		survives bool
		notices  int
	}{
		"never verified":          {nil, false, 1},
		"verified but not proven": {attributes{"email_verified": boolean(true)}, false, 1},
		"proven":                  {attributes{"email_verified": boolean(true), "proven": boolean(true)}, true, 0},
		"without a password":      {attributes{"phc": text("")}, false, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f, provider := newFixture(t), newProvider()
			earlier := f.preRegister(t, test.before)
			account := f.user(t, "attacker").ID
			sender := &fakeSender{}
			pair := f.mustOAuthLogin(t, provider)
			auth, err := f.authenticate(t, pair)
			if err != nil || auth.User.ID != account || !auth.User.Proven || !auth.User.EmailVerified {
				t.Errorf("the user of the token: got %+v and the error %v, want %v, verified and proven", auth.User, err, account)
			}
			if auth.User.OAuthProvider != "acme" || auth.User.PasswordHash.IsZero() == test.survives {
				t.Errorf("the account: got %+v, want the provider acme and a password: %v", auth.User, test.survives)
			}
			_, earlierErr := f.authenticate(t, earlier)
			_, loginErr := f.passwordLogin(t.Context(), "attacker", goodPassword)
			if (earlierErr == nil) != test.survives || (loginErr == nil) != test.survives {
				t.Errorf("the earlier session and password: got the errors %v and %v, want survival: %v", earlierErr, loginErr, test.survives)
			}
			if err := f.deliver(t, sender); err != nil {
				t.Fatal(err)
			}
			if got := sender.count(outbox.PasswordRemoved); got != test.notices {
				t.Errorf("the notices: got %d, want %d", got, test.notices)
			}
			f.mustOAuthLogin(t, provider)
		})
	}
}

// TestLinkingVoidsEarlierLinks uses the verification link of the attacker's registration after an identity was linked to the
// account.
func TestLinkingVoidsEarlierLinks(t *testing.T) {
	f, provider := newFixture(t), newProvider()
	f.preRegister(t, nil)
	sender := &fakeSender{}
	if err := f.deliver(t, sender); err != nil {
		t.Fatal(err)
	}
	f.mustOAuthLogin(t, provider)
	if _, err := f.verifier().Inspect(t.Context(), sender.sent[0].token); !errors.Is(err, maillink.ErrInvalidVerificationToken) {
		t.Errorf("the link: got the error %v, want %v", err, maillink.ErrInvalidVerificationToken)
	}
}

// TestAnotherIdentityOfTheProvider replaces the former one, because its owner now has the mailbox.
func TestAnotherIdentityOfTheProvider(t *testing.T) {
	f, former := newFixture(t), newProvider()
	sess := f.mustOAuthLogin(t, former)
	former.person.Email = "moved@example.com"
	owner := newProvider()
	owner.person.Subject = "43"
	pair := f.mustOAuthLogin(t, owner)
	if auth, err := f.authenticate(t, pair); err != nil || auth.User.ID != f.user(t, "octavia").ID {
		t.Errorf("the user of the token: got %+v and the error %v, want octavia", auth.User, err)
	}
	if _, err := f.authenticate(t, sess); !errors.Is(err, session.ErrAuthenticationRequired) {
		t.Errorf("the former session: got the error %v, want %v", err, session.ErrAuthenticationRequired)
	}
	f.mustOAuthLogin(t, former)
	if f.user(t, "moved@example.com").ID == f.user(t, "octavia").ID {
		t.Error("the account of the former identity: got the one of the new identity, want another one")
	}
	f.mustOAuthLogin(t, owner)
}

// TestAnIdentityReplacedMeanwhile replaces the identity during its sign-in, which then must not open the account.
func TestAnIdentityReplacedMeanwhile(t *testing.T) {
	f, former, owner := newFixture(t), newProvider(), newProvider()
	f.mustOAuthLogin(t, former)
	former.person.Email = "moved@example.com"
	owner.person.Subject = "43"
	callback, binding := f.startFlow(t, former, secret.String{})
	store := &beforeIdentityWrite{IdentityStore: f.store, hook: func() { f.mustOAuthLogin(t, owner) }}
	pair, _, err := f.oauthWithStore(former, store).Finish(t.Context(), "acme", callback, binding)
	if err != nil {
		t.Fatal(err)
	}
	if auth, err := f.authenticate(t, pair); err != nil || auth.User.Email.Canonical != "moved@example.com" {
		t.Errorf("the account of the former identity: got %q and the error %v, want moved@example.com", auth.User.Email.Canonical, err)
	}
}

// TestLinkingEndsTheOldestSession links an identity to an account that has the maximum of sessions.
func TestLinkingEndsTheOldestSession(t *testing.T) {
	f, provider := newFixture(t), newProvider()
	f.preRegister(t, attributes{"proven": boolean(true), "room": number("1")})
	account := f.user(t, "attacker")
	for range 50 {
		session := session.Session{User: account.ID, ID: id.New(rand.Reader), Kind: session.KindTokens, Created: f.clock,
			LastRenewal: f.clock, KeyID: "k", Expires: f.clock.Add(time.Hour), End: f.clock.Add(time.Hour)}
		if err := f.store.PutSession(t.Context(), session); err != nil {
			t.Fatal(err)
		}
	}
	f.mustOAuthLogin(t, provider)
	sessions, err := f.store.ListSessions(t.Context(), account.ID)
	if err != nil || len(sessions) != 50 {
		t.Errorf("the sessions: got %d and the error %v, want 50", len(sessions), err)
	}
}
