package ruletests

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/pkg/account"
	"latchkey/pkg/fault"
	"latchkey/pkg/secret"
	"latchkey/pkg/signup"
)

func TestRegisterSignsIn(t *testing.T) {
	f := newFixture(t)
	pair := f.register(t, "Pythonista", "pythonista@example.com")
	if pair.ExpiresIn != time.Hour {
		t.Errorf("expires in %v", pair.ExpiresIn)
	}
	caller, err := f.authenticate(t, pair)
	if err != nil {
		t.Fatal(err)
	}
	user := caller.User
	if user.Username.Typed != "Pythonista" || !user.Active || user.EmailVerified || user.Proven || !user.LastLogin.IsZero() {
		t.Errorf("the account is %+v", user)
	}
	if user.SessionsLeft != 49 || !user.Joined.Equal(f.clock) {
		t.Errorf("room %d, joined %v", user.SessionsLeft, user.Joined)
	}
}

func TestRegisterNamesEverythingThatDoesNotFit(t *testing.T) {
	f := newFixture(t)
	_, err := f.registrar().Register(t.Context(), signup.Registration{
		Username: "a@b", Email: "nowhere", Password: secret.New("short"),
		FirstName: strings.Repeat("é", 151), LastName: strings.Repeat("x", 151),
	})
	refused := fault.From(err)
	if refused.Kind != fault.Invalid || refused.Code != "validation_failed" {
		t.Fatalf("the error is %v", err)
	}
	var keys []string
	for _, field := range refused.Fields {
		keys = append(keys, field.Key)
		if field.Message == "" || strings.Contains(field.Message, "short") && field.Key == "password" {
			t.Errorf("%s: %q", field.Key, field.Message)
		}
	}
	if want := []string{"username", "email", "password", "first_name", "last_name"}; !slices.Equal(keys, want) {
		t.Errorf("the fields are %v, want %v", keys, want)
	}
	if f.hasher.Hashes() != 0 {
		t.Error("a refused registration computed a hash")
	}
}

func TestRegisterRefusesPasswordsMadeOfNames(t *testing.T) {
	f := newFixture(t)
	for name, password := range map[string]string{
		"common":               "password123",
		"the username":         "PythonistaX",
		"containing the name":  "xxPYTHONISTAXxx",
		"the address":          "guido@example.com",
		"too long":             strings.Repeat("x1", 129),
		"seven characters":     "abcdef1",
		"seven, but 14 bytes ": "ééééééé",
	} {
		asked := registration("pythonistax", "guido@example.com")
		asked.Password = secret.New(password)
		_, err := f.registrar().Register(t.Context(), asked)
		if refused := fault.From(err); refused == nil || len(refused.Fields) != 1 || refused.Fields[0].Key != "password" {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
}

func TestRegisterKeepsPasswordsAsTyped(t *testing.T) {
	f := newFixture(t)
	asked := registration("spacey", "spacey@example.com")
	asked.Password = secret.New("  Ünïcode \u0301 pass \x00 ")
	if _, err := f.registrar().Register(t.Context(), asked); err != nil {
		t.Fatal(err)
	}
	if _, err := f.passwordLogin(t.Context(), "spacey", asked.Password.Reveal()); err != nil {
		t.Errorf("the password as typed: %v", err)
	}
	if _, err := f.passwordLogin(t.Context(), "spacey", strings.TrimSpace(asked.Password.Reveal())); err == nil {
		t.Error("the password trimmed was taken")
	}
}

func TestRegisterTellsWhatIsTakenWithoutHashing(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "alice@example.com")
	hashes := f.hasher.Hashes()
	for name, test := range map[string]struct {
		asked signup.Registration
		want  error
	}{
		"username": {registration("ALICE", "other@example.com"), account.ErrUsernameTaken},
		"address":  {registration("other", "Alice@example.com"), account.ErrEmailTaken},
		"both":     {registration("alice", "alice@example.com"), account.ErrUsernameTaken},
	} {
		if _, err := f.registrar().Register(t.Context(), test.asked); !errors.Is(err, test.want) {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
	if f.hasher.Hashes() != hashes {
		t.Error("a taken name computed a hash")
	}
}
