package ruletests

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/pkg/account"
	"latchkey/pkg/fault"
	"latchkey/pkg/guard"
	"latchkey/pkg/identifier"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
	"latchkey/pkg/signin"
)

func TestAFirstSignInCreatesAnAccount(t *testing.T) {
	f := newFixture(t)
	pair := f.mustOAuthLogin(t, newProvider())
	user := f.user(t, "octavia")
	want := account.User{
		ID:       user.ID,
		Username: identifier.Username{Typed: "octavia", Canonical: "octavia"},
		Email:    identifier.Address{Typed: "Octavia@example.com", Canonical: "octavia@example.com"}, FirstName: "Octavia", LastName: "Butler",
		SessionsLeft: 49, Active: true, EmailVerified: true, Proven: true, OAuthProvider: "acme",
		Joined: f.clock.Truncate(time.Millisecond), LastLogin: f.clock.Truncate(time.Millisecond),
	}
	if !reflect.DeepEqual(user, want) {
		t.Errorf("the account: got %+v, want %+v", user, want)
	}
	if auth, err := f.authenticate(t, pair); err != nil || auth.User.ID != user.ID {
		t.Errorf("the user of the token: got %v and the error %v, want %v", auth.User.ID, err, user.ID)
	}
	if _, err := f.passwordLogin(t.Context(), "octavia", goodPassword); !errors.Is(err, account.ErrInvalidCredentials) {
		t.Errorf("a login without a password: got the error %v, want %v", err, account.ErrInvalidCredentials)
	}
}

func TestTheUsernameOfANewAccount(t *testing.T) {
	tests := map[string]struct{ name, prefix string }{
		"taken":                   {"Alice", "Alice_"},
		"too short":               {"ab", "ab_"},
		"no character allowed":    {"@\u200b\n", "_"},
		"some characters removed": {" o@c\u200bta\x00via ", "octavia"},
		"too long":                {strings.Repeat("é", 200), strings.Repeat("é", 141)},
		"long in canonical form":  {strings.Repeat("\ufdfa", 141), "\ufdfa"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f, provider := newFixture(t), newProvider()
			f.register(t, "alice", "alice@example.com")
			provider.person.Name = test.name
			f.mustOAuthLogin(t, provider)
			user := f.user(t, "octavia@example.com")
			rest, is := strings.CutPrefix(user.Username.Typed, test.prefix)
			if suffixed := strings.HasSuffix(test.prefix, "_"); !is || suffixed && len(rest) != 8 {
				t.Errorf("the username for the name %q: got %q, want the prefix %q", test.name, user.Username.Typed, test.prefix)
			}
			if _, err := identifier.ParseUsername(user.Username.Typed); err != nil {
				t.Errorf("parsing the username %q: got the error %v, want none", user.Username.Typed, err)
			}
		})
	}
}

// TestAKnownIdentitySignsIn shows that changes at the provider change neither the account nor another one.
func TestAKnownIdentitySignsIn(t *testing.T) {
	for name, change := range map[string]func(*fakeProvider){
		"unchanged":              func(*fakeProvider) {},
		"another address":        func(a *fakeProvider) { a.person.Email = "new@example.com" },
		"another user's address": func(a *fakeProvider) { a.person.Email = "alice@example.com" },
		"no verified address":    func(a *fakeProvider) { a.person.Email = "" },
		"another name":           func(a *fakeProvider) { a.person.Name, a.person.FirstName = "alice", "Alice" },
	} {
		t.Run(name, func(t *testing.T) {
			f, provider := newFixture(t), newProvider()
			f.register(t, "alice", "alice@example.com")
			alice := f.user(t, "alice")
			f.mustOAuthLogin(t, provider)
			before := f.user(t, "octavia")
			change(provider)
			f.clock = f.clock.Add(time.Hour)
			pair := f.mustOAuthLogin(t, provider)
			auth, err := f.authenticate(t, pair)
			if err != nil || auth.User.ID != before.ID {
				t.Errorf("the user of the token: got %v and the error %v, want %v", auth.User.ID, err, before.ID)
			}
			want := before
			want.SessionsLeft, want.LastLogin = before.SessionsLeft-1, f.clock.Truncate(time.Millisecond)
			if after := f.user(t, "octavia"); !reflect.DeepEqual(after, want) {
				t.Errorf("the account: got %+v, want %+v", after, want)
			}
			if after := f.user(t, "alice"); !reflect.DeepEqual(after, alice) {
				t.Errorf("another account: got %+v, want %+v", after, alice)
			}
		})
	}
}

// TestASubjectBelongsToItsIssuer shows that the same subject at another issuer is another person.
func TestASubjectBelongsToItsIssuer(t *testing.T) {
	f, provider := newFixture(t), newProvider()
	f.mustOAuthLogin(t, provider)
	provider.person.Issuer, provider.person.Email = "https://elsewhere.example", "else@example.com"
	f.mustOAuthLogin(t, provider)
	if f.user(t, "else@example.com").ID == f.user(t, "octavia@example.com").ID {
		t.Error("the accounts of two issuers: got one, want two")
	}
}

// TestASecondProvider shows that an identity of another provider opens the account with its address, ends no session, and does not
// change the account's OAuthProvider.
func TestASecondProvider(t *testing.T) {
	f, provider := newFixture(t), newProvider()
	first := f.mustOAuthLogin(t, provider)
	callback, binding := f.startFlowAt(t, "other", provider, secret.String{})
	second, _, err := f.oauth(provider).Finish(t.Context(), "other", callback, binding)
	if err != nil {
		t.Fatal(err)
	}
	for name, pair := range map[string]session.Pair{"first": first, "second": second} {
		auth, err := f.authenticate(t, pair)
		if err != nil || auth.User.OAuthProvider != "acme" || auth.User.Email.Canonical != "octavia@example.com" {
			t.Errorf("the %s session: got the user %+v and the error %v, want octavia@example.com of acme", name, auth.User, err)
		}
	}
	f.mustOAuthLogin(t, provider)
}

// TestNamesThatAreTooLong shows that they are truncated to the maximum of a registration.
func TestNamesThatAreTooLong(t *testing.T) {
	f, provider := newFixture(t), newProvider()
	provider.person.FirstName, provider.person.LastName = strings.Repeat("é", 151), strings.Repeat("ß", 152)
	f.mustOAuthLogin(t, provider)
	user := f.user(t, "octavia")
	if user.FirstName != strings.Repeat("é", 150) || user.LastName != strings.Repeat("ß", 150) {
		t.Errorf("the names: got %q and %q, want 150 characters of each", user.FirstName, user.LastName)
	}
}

func TestADisabledAccountHasNoSignIn(t *testing.T) {
	for name, known := range map[string]bool{"to be linked": false, "known": true} {
		t.Run(name, func(t *testing.T) {
			f, provider := newFixture(t), newProvider()
			if known {
				f.mustOAuthLogin(t, provider)
			} else {
				f.preRegister(t, nil)
			}
			f.setUser(t, "octavia@example.com", attributes{"active": boolean(false)})
			before := f.tables.Keys(t)
			if _, err := f.oauthLogin(t, provider); !errors.Is(err, account.ErrAccountInactive) {
				t.Errorf("the sign-in: got the error %v, want %v", err, account.ErrAccountInactive)
			}
			if after := f.tables.Keys(t); len(after) != len(before)+1 { // the flow
				t.Errorf("the tables: got %v, want one flow more than %v", after, before)
			}
		})
	}
}

func TestManyFirstSignInsCreateOneAccount(t *testing.T) {
	const many = 32
	f, provider := newFixture(t), newProvider()
	callbacks, bindings := make([]signin.Callback, many), make([]secret.String, many)
	for i := range many {
		callbacks[i], bindings[i] = f.startFlow(t, provider, secret.String{})
	}
	pairs, errs := make([]session.Pair, many), make([]error, many)
	var wait sync.WaitGroup
	for i := range many {
		wait.Go(func() {
			pairs[i], _, errs[i] = f.oauth(provider).Finish(t.Context(), "acme", callbacks[i], bindings[i])
		})
	}
	wait.Wait()
	account := f.user(t, "octavia@example.com").ID
	for i, err := range errs {
		if err != nil {
			t.Errorf("a concurrent sign-in: got the error %v, want none", err)
			continue
		}
		if auth, err := f.authenticate(t, pairs[i]); err != nil || auth.User.ID != account {
			t.Errorf("the user of a token: got %v and the error %v, want %v", auth.User.ID, err, account)
		}
	}
	kinds := map[string]int{}
	for _, key := range f.tables.Keys(t) {
		kinds[key[:2]]++
	}
	if want := map[string]int{"U#": 2, "N#": 1, "E#": 1, "I#": 1, "S#": many, "A#": many}; !reflect.DeepEqual(kinds, want) {
		t.Errorf("the items by prefix: got %v, want %v", kinds, want)
	}
}

// beforeIdentityWrite calls the hook after a sign-in has read and before its first write.
type beforeIdentityWrite struct {
	signin.IdentityStore
	hook func()
}

func (m *beforeIdentityWrite) CreateAccountWithIdentity(
	ctx context.Context, user account.User, identity signin.Identity, session session.Session,
) error {
	callOnce(&m.hook)
	return m.IdentityStore.CreateAccountWithIdentity(ctx, user, identity, session)
}

func (m *beforeIdentityWrite) LinkIdentity(ctx context.Context, link signin.Link) error {
	callOnce(&m.hook)
	return m.IdentityStore.LinkIdentity(ctx, link)
}

func (m *beforeIdentityWrite) RecordLogin(ctx context.Context, user account.User, login signin.Recorded) (int, error) {
	callOnce(&m.hook)
	return m.IdentityStore.RecordLogin(ctx, user, login)
}

// TestAccountsThatChangeMeanwhile changes an account after a sign-in has read it. The sign-in reads it again, and the changed account
// decides.
func TestAccountsThatChangeMeanwhile(t *testing.T) {
	tests := map[string]struct {
		before, meanwhile func(t *testing.T, f *fixture)
		want              error
		check             func(t *testing.T, user account.User)
	}{
		"the username is taken": {nil, func(t *testing.T, f *fixture) { f.register(t, "octavia", "o@example.com") }, nil,
			func(t *testing.T, user account.User) {
				if !strings.HasPrefix(user.Username.Typed, "octavia_") {
					t.Errorf("the username: got %q, want the prefix octavia_", user.Username.Typed)
				}
			}},
		"the address is registered": {nil, func(t *testing.T, f *fixture) { f.preRegister(t, nil) }, nil,
			func(t *testing.T, user account.User) {
				if user.Username.Typed != "attacker" || !user.PasswordHash.IsZero() || user.Epoch != 1 {
					t.Errorf("the account: got %+v, want the attacker's without a password and with the epoch 1", user)
				}
			}},
		"the same person signs in": {nil, func(t *testing.T, f *fixture) { f.mustOAuthLogin(t, newProvider()) }, nil,
			func(t *testing.T, user account.User) {
				if user.Username.Typed != "octavia" || user.SessionsLeft != 48 {
					t.Errorf("the account: got %+v, want octavia with 48 sessions left", user)
				}
			}},
		"the holder proves the mailbox": {
			func(t *testing.T, f *fixture) { f.preRegister(t, nil) },
			func(t *testing.T, f *fixture) {
				f.setUser(t, "attacker", attributes{"proven": boolean(true), "rev": number("1")})
			}, nil,
			func(t *testing.T, user account.User) {
				if user.PasswordHash.IsZero() || user.Epoch != 0 {
					t.Errorf("the account: got %+v, want a password and the epoch 0", user)
				}
			}},
		"the account is disabled": {
			func(t *testing.T, f *fixture) { f.preRegister(t, nil) },
			func(t *testing.T, f *fixture) {
				f.setUser(t, "attacker", attributes{"active": boolean(false), "epoch": number("1")})
			},
			account.ErrAccountInactive, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f, provider := newFixture(t), newProvider()
			if test.before != nil {
				test.before(t, f)
			}
			callback, binding := f.startFlow(t, provider, secret.String{})
			store := &beforeIdentityWrite{IdentityStore: f.store, hook: func() { test.meanwhile(t, f) }}
			pair, _, err := f.oauthWithStore(provider, store).Finish(t.Context(), "acme", callback, binding)
			if !errors.Is(err, test.want) {
				t.Fatalf("the sign-in: got the error %v, want %v", err, test.want)
			}
			if test.want != nil {
				return
			}
			if _, err := f.authenticate(t, pair); err != nil {
				t.Errorf("the session of the sign-in: got the error %v, want none", err)
			}
			test.check(t, f.user(t, "octavia@example.com"))
		})
	}
}

// endlessStore reports a change of the accounts at every attempt.
type endlessStore struct {
	signin.IdentityStore
	attempts int
}

func (e *endlessStore) CreateAccountWithIdentity(context.Context, account.User, signin.Identity, session.Session) error {
	e.attempts++
	return account.ErrUsernameTaken
}

func TestASignInGivesUp(t *testing.T) {
	f, provider := newFixture(t), newProvider()
	store := &endlessStore{IdentityStore: f.store}
	callback, binding := f.startFlow(t, provider, secret.String{})
	if _, _, err := f.oauthWithStore(provider, store).Finish(t.Context(), "acme", callback, binding); err == nil || store.attempts != 5 {
		t.Errorf("the sign-in: got the error %v after %d attempts, want one after 5", err, store.attempts)
	}
}

// TestASignInByAProviderSetsADeviceCookie shows that attempts on the device then have their own counter.
func TestASignInByAProviderSetsADeviceCookie(t *testing.T) {
	f, provider := newFixture(t), newProvider()
	f.preRegister(t, attributes{"proven": boolean(true)})
	callback, binding := f.startFlow(t, provider, secret.String{})
	_, device, err := f.oauth(provider).Finish(t.Context(), "acme", callback, binding)
	if err != nil {
		t.Fatal(err)
	}
	for range 6 { // unknown devices use up the free attempts
		_, _ = f.login().Login(t.Context(), guard.Attempt{Name: "attacker", Password: secret.New("wrong wrong")})
	}
	req := guard.Attempt{Name: "attacker", Password: secret.New(goodPassword)}
	if _, err := f.login().Login(t.Context(), req); fault.From(err) == nil || fault.From(err).Kind != fault.Limited {
		t.Errorf("a login on an unknown device: got the error %v, want a limit", err)
	}
	req.Device = device
	if _, err := f.login().Login(t.Context(), req); err != nil {
		t.Errorf("a login on the device: got the error %v, want none", err)
	}
	callback, binding = f.startFlow(t, provider, binding)
	callback.Device = device
	if _, again, err := f.oauth(provider).Finish(t.Context(), "acme", callback, binding); err != nil || again != device {
		t.Errorf("the device cookie after a second sign-in: got %s and the error %v, want %s", again.Reveal(), err, device.Reveal())
	}
}
