package ruletests

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"latchkey/pkg/account"
	"latchkey/pkg/secret"
	"latchkey/pkg/signin"
)

// TestLoginByEverySpelling logs in with different spellings of one username and one address.
func TestLoginByEverySpelling(t *testing.T) {
	f := newFixture(t)
	f.register(t, "Straße", "Guido.Rossum@bücher.example")
	for _, name := range []string{
		"Straße", "STRASSE", "ｓtrasse", "guido.rossum@bücher.example", "GUIDO.ROSSUM@xn--bcher-kva.example",
	} {
		pair, err := f.passwordLogin(t.Context(), name, goodPassword)
		if err != nil {
			t.Errorf("a login as %q: got the error %v, want none", name, err)
			continue
		}
		if _, err := f.authenticate(t, pair); err != nil {
			t.Errorf("the token of a login as %q: got the error %v, want none", name, err)
		}
	}
}

// TestLoginBySpellingsThatCouldNotBeRegistered logs in with spellings that are too short or too long for a registration.
func TestLoginBySpellingsThatCouldNotBeRegistered(t *testing.T) {
	f := newFixture(t)
	f.register(t, "e\u0301\u4e01", "short@example.com")
	f.register(t, strings.Repeat("\u00e9", 148), "long@example.com")
	for _, name := range []string{"\u00c9\u4e01", strings.Repeat("e\u0301", 148)} {
		if _, err := f.passwordLogin(t.Context(), name, goodPassword); err != nil {
			t.Errorf("a login as %q: got the error %v, want none", name, err)
		}
	}
}

func TestLoginIsRecorded(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "alice@example.com")
	f.clock = f.clock.Add(time.Hour)
	if _, err := f.passwordLogin(t.Context(), "alice", goodPassword); err != nil {
		t.Fatal(err)
	}
	if user := f.user(t, "alice"); user.SessionsLeft != 48 || !user.LastLogin.Equal(f.clock) {
		t.Errorf("the account: got %d sessions left and the last login at %v, want 48 and %v", user.SessionsLeft, user.LastLogin, f.clock)
	}
}

// TestRefusedLoginsCostTheSame shows that each refusal computes one hash, for any reason.
func TestRefusedLoginsCostTheSame(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "alice@example.com")
	f.registerWith(t, "oauthonly", attributes{"phc": text("")})
	f.registerWith(t, "disabled", attributes{"active": boolean(false)})
	tests := map[string]struct {
		name, password string
		want           error
	}{
		"unknown name":                      {"nobody", goodPassword, account.ErrInvalidCredentials},
		"unknown address":                   {"nobody@example.com", goodPassword, account.ErrInvalidCredentials},
		"a name no account can have":        {"\u200bx", goodPassword, account.ErrInvalidCredentials},
		"an address no account can have":    {"@@", goodPassword, account.ErrInvalidCredentials},
		"wrong password":                    {"alice", "SecurePass123?", account.ErrInvalidCredentials},
		"a password of 10 kB":               {"alice", string(make([]byte, 10_000)), account.ErrInvalidCredentials},
		"no password stored":                {"oauthonly", goodPassword, account.ErrInvalidCredentials},
		"disabled, with the wrong password": {"disabled", "SecurePass123?", account.ErrInvalidCredentials},
		"disabled, with the right password": {"disabled", goodPassword, account.ErrAccountInactive},
		"the id of an account as its name":  {f.user(t, "alice").ID.String(), goodPassword, account.ErrInvalidCredentials},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			before := f.hasher.Hashes()
			_, err := f.passwordLogin(t.Context(), test.name, test.password)
			if !errors.Is(err, test.want) {
				t.Errorf("a login as %q: got the error %v, want %v", test.name, err, test.want)
			}
			if computed := f.hasher.Hashes() - before; computed != 1 {
				t.Errorf("a login as %q: got %d hashes, want 1", test.name, computed)
			}
		})
	}
}

// registerWith registers an account and then sets attributes of its item.
func (f *fixture) registerWith(t *testing.T, name string, values attributes) {
	t.Helper()
	f.register(t, name, name+"@example.com")
	f.setUser(t, name, values)
}

// setUser sets attributes of the account with the login name, bypassing all rules.
func (f *fixture) setUser(t *testing.T, name string, values attributes) {
	t.Helper()
	f.tables.Set(t, f.tables.Users, "U#"+f.user(t, name).ID.String(), "P", values)
}

type attributes = map[string]types.AttributeValue

func text(value string) types.AttributeValue { return &types.AttributeValueMemberS{Value: value} }

func number(value string) types.AttributeValue { return &types.AttributeValueMemberN{Value: value} }

func boolean(value bool) types.AttributeValue { return &types.AttributeValueMemberBOOL{Value: value} }

// TestLoginAgainstAChange changes the account before the login is recorded. The changed account decides, and the session has its
// epoch.
func TestLoginAgainstAChange(t *testing.T) {
	another := cheapHasher().Hash(secret.New("another password")).Reveal()
	tests := map[string]struct {
		change attributes
		want   error
	}{
		"all sessions ended": {attributes{"epoch": number("1")}, nil},
		"password reset":     {attributes{"epoch": number("1"), "phc": text(another)}, account.ErrInvalidCredentials},
		"disabled":           {attributes{"epoch": number("1"), "active": boolean(false)}, account.ErrAccountInactive},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.register(t, "alice", "alice@example.com")
			store := &beforeRecordLogin{LoginStore: f.store, hook: func() {
				f.setUser(t, "alice", test.change)
			}}
			login := signin.NewLogin(store, f.hasher, f.guard(), f.pairs(), f.cookies(), f.now)
			signedIn, err := login.Login(t.Context(), attempt("alice", goodPassword))
			if !errors.Is(err, test.want) {
				t.Fatalf("the login: got the error %v, want %v", err, test.want)
			}
			if test.want != nil {
				return
			}
			if _, err := f.authenticate(t, signedIn.Pair); err != nil {
				t.Errorf("the session of the login: got the error %v, want none", err)
			}
		})
	}
}
