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
		t.Errorf("the lifetime of the access token: got %v, want 1h", pair.ExpiresIn)
	}
	auth, err := f.authenticate(t, pair)
	if err != nil {
		t.Fatal(err)
	}
	user := auth.User
	if user.Username.Typed != "Pythonista" || !user.Active || user.EmailVerified || user.Proven || !user.LastLogin.IsZero() {
		t.Errorf("the account: got %+v, want an active one of Pythonista, without a verified address or a login", user)
	}
	if user.SessionsLeft != 49 || !user.Joined.Equal(f.clock) {
		t.Errorf("the account: got %d sessions left, joined at %v, want 49 and %v", user.SessionsLeft, user.Joined, f.clock)
	}
}

func TestRegisterNamesAllFaults(t *testing.T) {
	f := newFixture(t)
	_, err := f.registrar().Register(t.Context(), signup.Registration{
		Username: "a@b", Email: "nowhere", Password: secret.New("short"),
		FirstName: strings.Repeat("é", 151), LastName: strings.Repeat("x", 151),
	})
	refused := fault.From(err)
	if refused.Kind != fault.Invalid || refused.Code != "validation_failed" {
		t.Fatalf("the registration: got the error %v, want validation_failed", err)
	}
	var keys []string
	for _, field := range refused.Fields {
		keys = append(keys, field.Key)
		if field.Message == "" || strings.Contains(field.Message, "short") && field.Key == "password" {
			t.Errorf("the message about %s: got %q, want one that does not repeat the value", field.Key, field.Message)
		}
	}
	if want := []string{"username", "email", "password", "first_name", "last_name"}; !slices.Equal(keys, want) {
		t.Errorf("the fields: got %v, want %v", keys, want)
	}
	if computed := f.hasher.Hashes(); computed != 0 {
		t.Errorf("the hashes of a refused registration: got %d, want 0", computed)
	}
}

func TestRegisterAppliesThePasswordPolicy(t *testing.T) {
	f := newFixture(t)
	for name, password := range map[string]string{
		"common":              "password123",
		"the username":        "PythonistaX",
		"containing the name": "xxPYTHONISTAXxx",
		"the address":         "guido@example.com",
		"too long":            strings.Repeat("x1", 129),
		"seven characters":    "abcdef1",
		"seven, in 14 bytes":  "ééééééé",
	} {
		req := registration("pythonistax", "guido@example.com")
		req.Password = secret.New(password)
		_, err := f.registrar().Register(t.Context(), req)
		if refused := fault.From(err); refused == nil || len(refused.Fields) != 1 || refused.Fields[0].Key != "password" {
			t.Errorf("%s, %q: got the error %v, want a fault of the password", name, password, err)
		}
	}
}

func TestRegisterKeepsPasswordsAsTyped(t *testing.T) {
	f := newFixture(t)
	req := registration("spacey", "spacey@example.com")
	req.Password = secret.New("  Ünïcode \u0301 pass \x00 ")
	if _, err := f.registrar().Register(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	if _, err := f.passwordLogin(t.Context(), "spacey", req.Password.Reveal()); err != nil {
		t.Errorf("a login with the password as typed: got the error %v, want none", err)
	}
	if _, err := f.passwordLogin(t.Context(), "spacey", strings.TrimSpace(req.Password.Reveal())); err == nil {
		t.Error("a login with the trimmed password: got no error, want a refusal")
	}
}

func TestRegisterReportsATakenNameWithoutHashing(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "alice@example.com")
	hashes := f.hasher.Hashes()
	for name, test := range map[string]struct {
		req  signup.Registration
		want error
	}{
		"username": {registration("ALICE", "other@example.com"), account.ErrUsernameTaken},
		"address":  {registration("other", "Alice@example.com"), account.ErrEmailTaken},
		"both":     {registration("alice", "alice@example.com"), account.ErrUsernameTaken},
	} {
		if _, err := f.registrar().Register(t.Context(), test.req); !errors.Is(err, test.want) {
			t.Errorf("a taken %s: got the error %v, want %v", name, err, test.want)
		}
	}
	if computed := f.hasher.Hashes() - hashes; computed != 0 {
		t.Errorf("the hashes of registrations with taken names: got %d, want 0", computed)
	}
}
