package ruletests

import (
	"context"
	"crypto/rand"
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/pkg/account"
	"latchkey/pkg/fault"
	"latchkey/pkg/guard"
	"latchkey/pkg/id"
	"latchkey/pkg/identifier"
	"latchkey/pkg/maillink"
	"latchkey/pkg/outbox"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
	"latchkey/pkg/signin"
)

func TestAFirstSignInMakesAnAccount(t *testing.T) {
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
		t.Errorf("the account is %+v", user)
	}
	if identity, err := f.authenticate(t, pair); err != nil || identity.User.ID != user.ID {
		t.Errorf("the token is of %v, error %v", identity.User.ID, err)
	}
	if _, err := f.passwordLogin(t.Context(), "octavia", goodPassword); !errors.Is(err, account.ErrInvalidCredentials) {
		t.Errorf("an account without a password: %v", err)
	}
}

func TestTheUsernameOfANewAccount(t *testing.T) {
	tests := map[string]struct{ name, begins string }{
		"taken":                    {"Alice", "Alice_"},
		"too short":                {"ab", "ab_"},
		"nothing of it is allowed": {"@\u200b\n", "_"},
		"some of it is not":        {" o@c\u200bta\x00via ", "octavia"},
		"too long":                 {strings.Repeat("é", 200), strings.Repeat("é", 141)},
		"long once written out":    {strings.Repeat("\ufdfa", 141), "\ufdfa"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f, provider := newFixture(t), newProvider()
			f.register(t, "alice", "alice@example.com")
			provider.person.Name = test.name
			f.mustOAuthLogin(t, provider)
			user := f.user(t, "octavia@example.com")
			rest, is := strings.CutPrefix(user.Username.Typed, test.begins)
			if suffixed := strings.HasSuffix(test.begins, "_"); !is || suffixed && len(rest) != 8 {
				t.Errorf("the username is %q", user.Username.Typed)
			}
			if _, err := identifier.ParseUsername(user.Username.Typed); err != nil {
				t.Errorf("the username could not be registered: %v", err)
			}
		})
	}
}

// TestAKnownIdentitySignsIn whatever has become of its address, and moves nothing.
func TestAKnownIdentitySignsIn(t *testing.T) {
	for name, change := range map[string]func(*fakeProvider){
		"as before":             func(*fakeProvider) {},
		"another address":       func(a *fakeProvider) { a.person.Email = "new@example.com" },
		"an address of another": func(a *fakeProvider) { a.person.Email = "alice@example.com" },
		"no verified address":   func(a *fakeProvider) { a.person.Email = "" },
		"another name":          func(a *fakeProvider) { a.person.Name, a.person.FirstName = "alice", "Alice" },
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
			identity, err := f.authenticate(t, pair)
			if err != nil || identity.User.ID != before.ID {
				t.Errorf("the token is of %v, error %v", identity.User.ID, err)
			}
			want := before
			want.SessionsLeft, want.LastLogin = before.SessionsLeft-1, f.clock.Truncate(time.Millisecond)
			if after := f.user(t, "octavia"); !reflect.DeepEqual(after, want) {
				t.Errorf("the account became %+v", after)
			}
			if after := f.user(t, "alice"); !reflect.DeepEqual(after, alice) {
				t.Errorf("another account became %+v", after)
			}
		})
	}
}

// TestASubjectElsewhereIsSomebodyElse: an identity is of a provider and its issuer.
func TestASubjectElsewhereIsSomebodyElse(t *testing.T) {
	f, provider := newFixture(t), newProvider()
	f.mustOAuthLogin(t, provider)
	provider.person.Issuer, provider.person.Email = "https://elsewhere.example", "else@example.com"
	f.mustOAuthLogin(t, provider)
	if f.user(t, "else@example.com").ID == f.user(t, "octavia@example.com").ID {
		t.Error("they are one account")
	}
}

// TestASecondProvider is another way into the account of the address, and ends nothing. The first stays the one that is told.
func TestASecondProvider(t *testing.T) {
	f, provider := newFixture(t), newProvider()
	first := f.mustOAuthLogin(t, provider)
	callback, binding := f.startFlowAt(t, "other", provider, secret.String{})
	second, _, err := f.oauth(provider).Finish(t.Context(), "other", callback, binding)
	if err != nil {
		t.Fatal(err)
	}
	for name, pair := range map[string]session.Pair{"first": first, "second": second} {
		identity, err := f.authenticate(t, pair)
		if err != nil || identity.User.OAuthProvider != "acme" || identity.User.Email.Canonical != "octavia@example.com" {
			t.Errorf("the %s session is %+v, error %v", name, identity.User, err)
		}
	}
	f.mustOAuthLogin(t, provider)
}

// TestNamesThatAreTooLong are cut to what a registration could have.
func TestNamesThatAreTooLong(t *testing.T) {
	f, provider := newFixture(t), newProvider()
	provider.person.FirstName, provider.person.LastName = strings.Repeat("é", 151), strings.Repeat("ß", 152)
	f.mustOAuthLogin(t, provider)
	user := f.user(t, "octavia")
	if user.FirstName != strings.Repeat("é", 150) || user.LastName != strings.Repeat("ß", 150) {
		t.Errorf("the names are %q and %q", user.FirstName, user.LastName)
	}
}

// preRegister makes an account with octavia's address, by somebody who knows its password, and returns their session.
func (f *fixture) preRegister(t *testing.T, changed attributes) session.Pair {
	t.Helper()
	pair := f.register(t, "attacker", "octavia@EXAMPLE.com")
	if changed != nil {
		f.setUser(t, "attacker", changed)
	}
	return pair
}

// TestLinking: what the holder of the address had before survives only if they had proved the mailbox.
func TestLinking(t *testing.T) {
	tests := map[string]struct {
		before   attributes
		survives bool
		notices  int
	}{
		"never verified":               {nil, false, 1},
		"verified, by a scanner maybe": {attributes{"email_verified": boolean(true)}, false, 1},
		"proven":                       {attributes{"email_verified": boolean(true), "proven": boolean(true)}, true, 0},
		"without a password":           {attributes{"phc": text("")}, false, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f, provider := newFixture(t), newProvider()
			earlier := f.preRegister(t, test.before)
			account := f.user(t, "attacker").ID
			box := &fakeSender{}
			pair := f.mustOAuthLogin(t, provider)
			identity, err := f.authenticate(t, pair)
			if err != nil || identity.User.ID != account || !identity.User.Proven || !identity.User.EmailVerified {
				t.Errorf("signed in as %+v, error %v", identity.User, err)
			}
			if identity.User.OAuthProvider != "acme" || identity.User.PasswordHash.IsZero() == test.survives {
				t.Errorf("the account is %+v", identity.User)
			}
			_, earlierErr := f.authenticate(t, earlier)
			_, loginErr := f.passwordLogin(t.Context(), "attacker", goodPassword)
			if (earlierErr == nil) != test.survives || (loginErr == nil) != test.survives {
				t.Errorf("the session before: %v, the password before: %v", earlierErr, loginErr)
			}
			if err := f.deliver(t, box); err != nil {
				t.Fatal(err)
			}
			if got := box.count(outbox.PasswordRemoved); got != test.notices {
				t.Errorf("%d notices were sent", got)
			}
			f.mustOAuthLogin(t, provider)
		})
	}
}

func (p *fakeSender) count(purpose outbox.Purpose) int {
	count := 0
	for _, sent := range p.sent {
		if sent.purpose == purpose {
			count++
		}
	}
	return count
}

// TestLinksBeforeTheLinkingAreVoid: a verification link that the attacker's registration mailed, say.
func TestLinksBeforeTheLinkingAreVoid(t *testing.T) {
	f, provider := newFixture(t), newProvider()
	f.preRegister(t, nil)
	box := &fakeSender{}
	if err := f.deliver(t, box); err != nil {
		t.Fatal(err)
	}
	f.mustOAuthLogin(t, provider)
	if _, err := f.verifier().Inspect(t.Context(), box.sent[0].token); !errors.Is(err, maillink.ErrInvalidVerificationToken) {
		t.Errorf("the link: %v", err)
	}
}

func TestADisabledAccountIsNotSignedIn(t *testing.T) {
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
				t.Errorf("the error is %v", err)
			}
			if after := f.tables.Keys(t); len(after) != len(before)+1 { // the flow
				t.Errorf("the tables hold %v", after)
			}
		})
	}
}

// TestAnotherIdentityOfTheProvider takes the place of the former one: the mailbox is theirs now.
func TestAnotherIdentityOfTheProvider(t *testing.T) {
	f, former := newFixture(t), newProvider()
	sess := f.mustOAuthLogin(t, former)
	former.person.Email = "moved@example.com"
	owner := newProvider()
	owner.person.Subject = "43"
	pair := f.mustOAuthLogin(t, owner)
	if identity, err := f.authenticate(t, pair); err != nil || identity.User.ID != f.user(t, "octavia").ID {
		t.Errorf("the owner is %+v, error %v", identity, err)
	}
	if _, err := f.authenticate(t, sess); !errors.Is(err, session.ErrAuthenticationRequired) {
		t.Errorf("the former session: %v", err)
	}
	f.mustOAuthLogin(t, former)
	if f.user(t, "moved@example.com").ID == f.user(t, "octavia").ID {
		t.Error("the former identity still opens the account")
	}
	f.mustOAuthLogin(t, owner)
}

// TestAnIdentityReplacedMeanwhile opens nothing, at whatever point of its sign-in the owner of the mailbox comes.
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
	if identity, err := f.authenticate(t, pair); err != nil || identity.User.Email.Canonical != "moved@example.com" {
		t.Errorf("the former identity opens the account of %q, error %v", identity.User.Email.Canonical, err)
	}
}

// TestManyFirstSignInsMakeOneAccount, also against a registration of the same address.
func TestManyFirstSignInsMakeOneAccount(t *testing.T) {
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
			t.Errorf("a sign-in failed: %v", err)
			continue
		}
		if identity, err := f.authenticate(t, pairs[i]); err != nil || identity.User.ID != account {
			t.Errorf("a token is of %v, error %v", identity.User.ID, err)
		}
	}
	kinds := map[string]int{}
	for _, key := range f.tables.Keys(t) {
		kinds[key[:2]]++
	}
	if want := map[string]int{"U#": 2, "N#": 1, "E#": 1, "I#": 1, "S#": many, "A#": many}; !reflect.DeepEqual(kinds, want) {
		t.Errorf("the tables hold %v", kinds)
	}
}

// meanwhileStore lets something happen between what a sign-in reads and its first write.
type beforeIdentityWrite struct {
	signin.IdentityStore
	hook func()
}

func (m *beforeIdentityWrite) CreateAccountWithIdentity(ctx context.Context, user account.User, identity signin.Identity, session session.Session) error {
	callOnce(&m.hook)
	return m.IdentityStore.CreateAccountWithIdentity(ctx, user, identity, session)
}

func (m *beforeIdentityWrite) LinkIdentity(ctx context.Context, link signin.Link) error {
	callOnce(&m.hook)
	return m.IdentityStore.LinkIdentity(ctx, link)
}

func (m *beforeIdentityWrite) RecordLogin(ctx context.Context, user account.User, hash secret.String, now time.Time) (int, error) {
	callOnce(&m.hook)
	return m.IdentityStore.RecordLogin(ctx, user, hash, now)
}

// TestAccountsThatChangeMeanwhile are looked at again: what has become of them decides.
func TestAccountsThatChangeMeanwhile(t *testing.T) {
	tests := map[string]struct {
		before, meanwhile func(t *testing.T, f *fixture)
		want              error
		check             func(t *testing.T, user account.User)
	}{
		"the username is taken": {nil, func(t *testing.T, f *fixture) { f.register(t, "octavia", "o@example.com") }, nil,
			func(t *testing.T, user account.User) {
				if !strings.HasPrefix(user.Username.Typed, "octavia_") {
					t.Errorf("the username is %q", user.Username.Typed)
				}
			}},
		"the address is registered": {nil, func(t *testing.T, f *fixture) { f.preRegister(t, nil) }, nil,
			func(t *testing.T, user account.User) {
				if user.Username.Typed != "attacker" || !user.PasswordHash.IsZero() || user.Epoch != 1 {
					t.Errorf("the account is %+v", user)
				}
			}},
		"the same person signs in": {nil, func(t *testing.T, f *fixture) { f.mustOAuthLogin(t, newProvider()) }, nil,
			func(t *testing.T, user account.User) {
				if user.Username.Typed != "octavia" || user.SessionsLeft != 48 {
					t.Errorf("the account is %+v", user)
				}
			}},
		"the holder proves the mailbox": {
			func(t *testing.T, f *fixture) { f.preRegister(t, nil) },
			func(t *testing.T, f *fixture) {
				f.setUser(t, "attacker", attributes{"proven": boolean(true), "rev": number("1")})
			}, nil,
			func(t *testing.T, user account.User) {
				if user.PasswordHash.IsZero() || user.Epoch != 0 {
					t.Errorf("the account is %+v", user)
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
				t.Fatalf("the error is %v", err)
			}
			if test.want != nil {
				return
			}
			if _, err := f.authenticate(t, pair); err != nil {
				t.Errorf("the session is born dead: %v", err)
			}
			test.check(t, f.user(t, "octavia@example.com"))
		})
	}
}

// endlessStore changes the account before each try.
type endlessStore struct {
	signin.IdentityStore
	tries int
}

func (e *endlessStore) CreateAccountWithIdentity(context.Context, account.User, signin.Identity, session.Session) error {
	e.tries++
	return account.ErrUsernameTaken
}

func TestASignInDoesNotTryForever(t *testing.T) {
	f, provider := newFixture(t), newProvider()
	store := &endlessStore{IdentityStore: f.store}
	callback, binding := f.startFlow(t, provider, secret.String{})
	if _, _, err := f.oauthWithStore(provider, store).Finish(t.Context(), "acme", callback, binding); err == nil || store.tries != 5 {
		t.Errorf("after %d tries the error is %v", store.tries, err)
	}
}

// TestLinkingMakesRoom: a link to an account with all its sessions ends the oldest.
func TestLinkingMakesRoom(t *testing.T) {
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
		t.Errorf("%d sessions are left, error %v", len(sessions), err)
	}
}

// TestASignInByAProviderMakesTheDeviceKnown: tries at the password of the account count apart on it.
func TestASignInByAProviderMakesTheDeviceKnown(t *testing.T) {
	f, provider := newFixture(t), newProvider()
	f.preRegister(t, attributes{"proven": boolean(true)})
	callback, binding := f.startFlow(t, provider, secret.String{})
	_, device, err := f.oauth(provider).Finish(t.Context(), "acme", callback, binding)
	if err != nil {
		t.Fatal(err)
	}
	for range 6 { // strangers use up what is free
		_, _, _ = f.login().Login(t.Context(), guard.Attempt{Name: "attacker", Password: secret.New("wrong wrong")})
	}
	asked := guard.Attempt{Name: "attacker", Password: secret.New(goodPassword)}
	if _, _, err := f.login().Login(t.Context(), asked); fault.From(err) == nil || fault.From(err).Kind != fault.Limited {
		t.Errorf("a stranger with the right password: %v", err)
	}
	asked.Device = device
	if _, _, err := f.login().Login(t.Context(), asked); err != nil {
		t.Errorf("on the device: %v", err)
	}
	callback, binding = f.startFlow(t, provider, binding)
	callback.Device = device
	if _, again, err := f.oauth(provider).Finish(t.Context(), "acme", callback, binding); err != nil || again != device {
		t.Errorf("the device got another name, error %v", err)
	}
}
