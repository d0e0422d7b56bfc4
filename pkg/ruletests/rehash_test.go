package ruletests

import (
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"

	"latchkey/pkg/account"
	"latchkey/pkg/secret"
	"latchkey/pkg/signin"
)

// Hashes of goodPassword in the formats of other systems. Package password tests all formats.
const (
	djangoHash = "pbkdf2_sha256$1000$sdUf0uYMcMjIxvUUfWbRR7$QTllSh9DTDOM83GzhUKTAgy7t9QcWydE+gNeNSt8HuY="
	bcryptHash = "bcrypt_sha256$$2b$04$b0gCk8EQMwvILLcBM3hif.QLP9MCjap7eBg/QicdjAYlRjx.ZW7YS"
)

// registerWithHash registers an account with a password hash of another system.
func (f *fixture) registerWithHash(t *testing.T, name, hash string) account.User {
	t.Helper()
	f.registerWith(t, name, attributes{"phc": text(hash)})
	return f.user(t, name)
}

func TestALegacyHashIsReplacedAtLogin(t *testing.T) {
	stronger := "$argon2id$v=19$m=128,t=1,p=1$V2ptLYVwDiHknLP2HuMcAw$YND+kDvyAVHyofsEa6LkEdet2P2iHkJtQkE/hQloi/8"
	for name, hash := range map[string]string{"django": djangoHash, "bcrypt": bcryptHash, "stronger": stronger} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			before := f.registerWithHash(t, name, hash)
			hashes := f.hasher.Hashes()
			f.tap.Reset()
			if _, err := f.passwordLogin(t.Context(), name, goodPassword); err != nil {
				t.Fatal(err)
			}
			if calls, computed := len(f.tap.Calls()), f.hasher.Hashes()-hashes; calls != 4 || computed != 2 {
				t.Errorf("the first login: got %d calls and %d hashes, want 4 and 2", calls, computed)
			}
			renewed := f.user(t, name)
			want := before
			want.PasswordHash, want.SessionsLeft, want.LastLogin = renewed.PasswordHash, before.SessionsLeft-1, renewed.LastLogin
			want.Forgiven = 1
			if !reflect.DeepEqual(renewed, want) || !strings.HasPrefix(renewed.PasswordHash.Reveal(), "$argon2id$v=19$m=64,t=1,p=1$") {
				t.Errorf("the account after the first login: got %+v with the hash %s, want %+v with a hash of the current parameters",
					renewed, renewed.PasswordHash.Reveal(), want)
			}
			if _, err := f.passwordLogin(t.Context(), name, goodPassword); err != nil {
				t.Errorf("the second login: got the error %v, want none", err)
			}
			if again := f.user(t, name); again.PasswordHash != renewed.PasswordHash || f.hasher.Hashes()-hashes != 3 {
				t.Errorf("after the second login: got the hash %s and %d computed hashes, want %s and 3",
					again.PasswordHash.Reveal(), f.hasher.Hashes()-hashes, renewed.PasswordHash.Reveal())
			}
		})
	}
}

func TestARefusedLoginReplacesNoHash(t *testing.T) {
	f := newFixture(t)
	f.registerWithHash(t, "alice", djangoHash)
	f.registerWithHash(t, "disabled", bcryptHash)
	f.setUser(t, "disabled", attributes{"active": boolean(false)})
	for name, test := range map[string]struct {
		password string
		want     error
	}{
		"alice":    {"SecurePass123?", account.ErrInvalidCredentials},
		"disabled": {goodPassword, account.ErrAccountInactive},
	} {
		before, hashes := f.user(t, name), f.hasher.Hashes()
		_, err := f.passwordLogin(t.Context(), name, test.password)
		if !errors.Is(err, test.want) || f.hasher.Hashes() != hashes+1 {
			t.Errorf("a login as %s: got the error %v after %d hashes, want %v after 1", name, err, f.hasher.Hashes()-hashes, test.want)
		}
		if after := f.user(t, name); !reflect.DeepEqual(after, before) {
			t.Errorf("the account %s: got %+v, want %+v", name, after, before)
		}
	}
}

// TestManyFirstLoginsAtOnce shows that all succeed, and that the hash that one of them stores is not overwritten.
func TestManyFirstLoginsAtOnce(t *testing.T) {
	f := newFixture(t)
	before := f.registerWithHash(t, "alice", djangoHash)
	const callers = 16
	login := f.login()
	var all sync.WaitGroup
	for range callers {
		req := attempt("alice", goodPassword)
		req.Device = f.deviceOf(t, "alice") // unknown devices would have to wait for one another
		all.Go(func() {
			if _, err := login.Login(t.Context(), req); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	after := f.user(t, "alice")
	if match, err := f.hasher.Verify(after.PasswordHash, secret.New(goodPassword)); err != nil || !match {
		t.Errorf("the hash: got %s and the error %v, want a hash of the password", after.PasswordHash.Reveal(), err)
	}
	if after.SessionsLeft != before.SessionsLeft-callers || after.Epoch != before.Epoch {
		t.Errorf("the account: got %+v, want %d sessions left and the epoch %d", after, before.SessionsLeft-callers, before.Epoch)
	}
}

// TestReplacingAHashAgainstAChange changes the account before the login is recorded. The changed account is not overwritten, and
// decides.
func TestReplacingAHashAgainstAChange(t *testing.T) {
	another := cheapHasher().Hash(secret.New("another password")).Reveal()
	same := cheapHasher().Hash(secret.New(goodPassword)).Reveal()
	tests := map[string]struct {
		change attributes
		stored string
		want   error
	}{
		"reset":                      {attributes{"epoch": number("1"), "phc": text(another)}, another, account.ErrInvalidCredentials},
		"another password":           {attributes{"phc": text(another)}, another, account.ErrInvalidCredentials},
		"the password removed":       {attributes{"phc": text("")}, "", account.ErrInvalidCredentials},
		"replaced by another login":  {attributes{"phc": text(same)}, same, nil},
		"all sessions ended as well": {attributes{"epoch": number("1"), "phc": text(same)}, same, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.registerWithHash(t, "alice", djangoHash)
			store := &beforeRecordLogin{LoginStore: f.store, hook: func() { f.setUser(t, "alice", test.change) }}
			login := signin.NewLogin(store, f.hasher, f.guard(), f.pairs(), f.cookies(), f.now)
			if _, err := login.Login(t.Context(), attempt("alice", goodPassword)); !errors.Is(err, test.want) {
				t.Errorf("the login: got the error %v, want %v", err, test.want)
			}
			if after := f.user(t, "alice"); after.PasswordHash.Reveal() != test.stored {
				t.Errorf("the hash: got %s, want %s", after.PasswordHash.Reveal(), test.stored)
			}
		})
	}
}

func TestReplacingAHashWithALostResponse(t *testing.T) {
	f := newFixture(t)
	before := f.registerWithHash(t, "alice", djangoHash)
	hashes := f.hasher.Hashes()
	f.loseNextResponse("UpdateItem")
	if _, err := f.passwordLogin(t.Context(), "alice", goodPassword); err != nil {
		t.Fatal(err)
	}
	if after := f.user(t, "alice"); after.SessionsLeft != before.SessionsLeft-1 || after.PasswordHash == before.PasswordHash {
		t.Errorf("the account after the login: got %+v, want one session less and a new hash", after)
	}
	if computed := f.hasher.Hashes() - hashes; computed != 2 {
		t.Errorf("the hashes: got %d, want 2", computed)
	}
}

// TestAHashThatCannotBeUsed shows that the response is that of a wrong password, after one hash, and that the log reports it.
func TestAHashThatCannotBeUsed(t *testing.T) {
	for name, hash := range map[string]string{
		"unknown format": "a hash of some other system",
		"too costly":     strings.Replace(djangoHash, "$1000$", "$1000000000$", 1),
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			before := f.registerWithHash(t, "broken", hash)
			hashes := f.hasher.Hashes()
			_, err := f.passwordLogin(t.Context(), "broken", goodPassword)
			if !errors.Is(err, account.ErrInvalidCredentials) || f.hasher.Hashes() != hashes+1 {
				t.Errorf("the login: got the error %v after %d hashes, want %v after 1", err, f.hasher.Hashes()-hashes, account.ErrInvalidCredentials)
			}
			if after := f.user(t, "broken"); !reflect.DeepEqual(after, before) {
				t.Errorf("the account: got %+v, want %+v", after, before)
			}
			log := f.log.String()
			if !strings.Contains(log, "password_hash_unusable") || !strings.Contains(log, before.ID.String()) || strings.Contains(log, hash) {
				t.Errorf("the log: got %s, want password_hash_unusable with the user's id and without the hash", log)
			}
		})
	}
}
