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

func TestLoginByEverySpelling(t *testing.T) {
	f := newFixture(t)
	f.register(t, "Straße", "Guido.Rossum@bücher.example")
	for _, name := range []string{
		"Straße", "STRASSE", "ｓtrasse", "guido.rossum@bücher.example", "GUIDO.ROSSUM@xn--bcher-kva.example",
	} {
		pair, err := f.passwordLogin(t.Context(), name, goodPassword)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err := f.authenticate(t, pair); err != nil {
			t.Errorf("%s: the token is refused: %v", name, err)
		}
	}
}

// TestLoginBySpellingsThatCouldNotBeRegistered: they are shorter or longer than a username as typed may be.
func TestLoginBySpellingsThatCouldNotBeRegistered(t *testing.T) {
	f := newFixture(t)
	f.register(t, "e\u0301\u4e01", "short@example.com")
	f.register(t, strings.Repeat("\u00e9", 148), "long@example.com")
	for _, name := range []string{"\u00c9\u4e01", strings.Repeat("e\u0301", 148)} {
		if _, err := f.passwordLogin(t.Context(), name, goodPassword); err != nil {
			t.Errorf("%q: %v", name, err)
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
		t.Errorf("room %d, last login %v", user.SessionsLeft, user.LastLogin)
	}
}

// TestRefusedLoginsCostTheSame: one hash each, whatever is wrong.
func TestRefusedLoginsCostTheSame(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "alice@example.com")
	f.registerWith(t, "oauthonly", attributes{"phc": text("")})
	f.registerWith(t, "disabled", attributes{"active": boolean(false)})
	tests := map[string]struct {
		name, password string
		want           error
	}{
		"unknown name":                        {"nobody", goodPassword, account.ErrInvalidCredentials},
		"unknown address":                     {"nobody@example.com", goodPassword, account.ErrInvalidCredentials},
		"a name no account can have":          {"\u200bx", goodPassword, account.ErrInvalidCredentials},
		"an address no account can have":      {"@@", goodPassword, account.ErrInvalidCredentials},
		"wrong password":                      {"alice", "SecurePass123?", account.ErrInvalidCredentials},
		"a password of 10 kB":                 {"alice", string(make([]byte, 10_000)), account.ErrInvalidCredentials},
		"no password stored":                  {"oauthonly", goodPassword, account.ErrInvalidCredentials},
		"disabled, with the wrong password":   {"disabled", "SecurePass123?", account.ErrInvalidCredentials},
		"disabled, with the right password":   {"disabled", goodPassword, account.ErrAccountInactive},
		"the id of an account in place of it": {f.user(t, "alice").ID.String(), goodPassword, account.ErrInvalidCredentials},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			before := f.hasher.Hashes()
			_, err := f.passwordLogin(t.Context(), test.name, test.password)
			if !errors.Is(err, test.want) {
				t.Errorf("the error is %v", err)
			}
			if computed := f.hasher.Hashes() - before; computed != 1 {
				t.Errorf("%d hashes were computed", computed)
			}
		})
	}
}

// with registers an account and changes it as stored.
func (f *fixture) registerWith(t *testing.T, name string, changes map[string]types.AttributeValue) {
	t.Helper()
	f.register(t, name, name+"@example.com")
	f.setUser(t, name, changes)
}

// change writes attributes into the account that name names, past all rules.
func (f *fixture) setUser(t *testing.T, name string, changes map[string]types.AttributeValue) {
	t.Helper()
	f.tables.Set(t, f.tables.Users, "U#"+f.user(t, name).ID.String(), "P", changes)
}

type attributes = map[string]types.AttributeValue

func text(value string) types.AttributeValue { return &types.AttributeValueMemberS{Value: value} }

func number(value string) types.AttributeValue { return &types.AttributeValueMemberN{Value: value} }

func boolean(value bool) types.AttributeValue { return &types.AttributeValueMemberBOOL{Value: value} }

// TestLoginAgainstAChange: what the account has become decides, and the session is born into the new epoch.
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
			login := signin.NewLogin(store, f.hasher, f.guard(), f.pairs(), f.cookies(), f.now, f.logger())
			pair, _, err := login.Login(t.Context(), attempt("alice", goodPassword))
			if !errors.Is(err, test.want) {
				t.Fatalf("the error is %v", err)
			}
			if test.want != nil {
				return
			}
			if _, err := f.authenticate(t, pair); err != nil {
				t.Errorf("the session is born dead: %v", err)
			}
		})
	}
}
