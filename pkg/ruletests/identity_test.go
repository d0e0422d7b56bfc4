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
	h := newHouse(t)
	pair := h.mustOAuth(t, octavia())
	user := h.user(t, "octavia")
	want := account.User{
		ID:       user.ID,
		Username: identifier.Username{Typed: "octavia", Canonical: "octavia"},
		Email:    identifier.Address{Typed: "Octavia@example.com", Canonical: "octavia@example.com"}, FirstName: "Octavia", LastName: "Butler",
		SessionsLeft: 49, Active: true, EmailVerified: true, Proven: true, OAuthProvider: "acme",
		Joined: h.clock.Truncate(time.Millisecond), LastLogin: h.clock.Truncate(time.Millisecond),
	}
	if !reflect.DeepEqual(user, want) {
		t.Errorf("the account is %+v", user)
	}
	if identity, err := h.authenticate(t, pair); err != nil || identity.User.ID != user.ID {
		t.Errorf("the token is of %v, error %v", identity.User.ID, err)
	}
	if _, err := h.tryLogin(t.Context(), "octavia", goodPassword); !errors.Is(err, account.ErrInvalidCredentials) {
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
			h, provider := newHouse(t), octavia()
			h.register(t, "alice", "alice@example.com")
			provider.person.Name = test.name
			h.mustOAuth(t, provider)
			user := h.user(t, "octavia@example.com")
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
	for name, change := range map[string]func(*acme){
		"as before":             func(*acme) {},
		"another address":       func(a *acme) { a.person.Email = "new@example.com" },
		"an address of another": func(a *acme) { a.person.Email = "alice@example.com" },
		"no verified address":   func(a *acme) { a.person.Email = "" },
		"another name":          func(a *acme) { a.person.Name, a.person.FirstName = "alice", "Alice" },
	} {
		t.Run(name, func(t *testing.T) {
			h, provider := newHouse(t), octavia()
			h.register(t, "alice", "alice@example.com")
			alice := h.user(t, "alice")
			h.mustOAuth(t, provider)
			before := h.user(t, "octavia")
			change(provider)
			h.clock = h.clock.Add(time.Hour)
			pair := h.mustOAuth(t, provider)
			identity, err := h.authenticate(t, pair)
			if err != nil || identity.User.ID != before.ID {
				t.Errorf("the token is of %v, error %v", identity.User.ID, err)
			}
			want := before
			want.SessionsLeft, want.LastLogin = before.SessionsLeft-1, h.clock.Truncate(time.Millisecond)
			if after := h.user(t, "octavia"); !reflect.DeepEqual(after, want) {
				t.Errorf("the account became %+v", after)
			}
			if after := h.user(t, "alice"); !reflect.DeepEqual(after, alice) {
				t.Errorf("another account became %+v", after)
			}
		})
	}
}

// TestASubjectElsewhereIsSomebodyElse: an identity is of a provider and its issuer.
func TestASubjectElsewhereIsSomebodyElse(t *testing.T) {
	h, provider := newHouse(t), octavia()
	h.mustOAuth(t, provider)
	provider.person.Issuer, provider.person.Email = "https://elsewhere.example", "else@example.com"
	h.mustOAuth(t, provider)
	if h.user(t, "else@example.com").ID == h.user(t, "octavia@example.com").ID {
		t.Error("they are one account")
	}
}

// TestASecondProvider is another way into the account of the address, and ends nothing. The first stays the one that is told.
func TestASecondProvider(t *testing.T) {
	h, provider := newHouse(t), octavia()
	first := h.mustOAuth(t, provider)
	callback, binding := h.beginAt(t, "other", provider, secret.String{})
	second, _, err := h.oauth(provider).Finish(t.Context(), "other", callback, binding)
	if err != nil {
		t.Fatal(err)
	}
	for name, pair := range map[string]session.Pair{"first": first, "second": second} {
		identity, err := h.authenticate(t, pair)
		if err != nil || identity.User.OAuthProvider != "acme" || identity.User.Email.Canonical != "octavia@example.com" {
			t.Errorf("the %s session is %+v, error %v", name, identity.User, err)
		}
	}
	h.mustOAuth(t, provider)
}

// TestNamesThatAreTooLong are cut to what a registration could have.
func TestNamesThatAreTooLong(t *testing.T) {
	h, provider := newHouse(t), octavia()
	provider.person.FirstName, provider.person.LastName = strings.Repeat("é", 151), strings.Repeat("ß", 152)
	h.mustOAuth(t, provider)
	user := h.user(t, "octavia")
	if user.FirstName != strings.Repeat("é", 150) || user.LastName != strings.Repeat("ß", 150) {
		t.Errorf("the names are %q and %q", user.FirstName, user.LastName)
	}
}

// preRegister makes an account with octavia's address, by somebody who knows its password, and returns their session.
func (h *house) preRegister(t *testing.T, changed changes) session.Pair {
	t.Helper()
	pair := h.register(t, "attacker", "octavia@EXAMPLE.com")
	if changed != nil {
		h.change(t, "attacker", changed)
	}
	return pair
}

// TestLinking: what the holder of the address had before survives only if they had proved the mailbox.
func TestLinking(t *testing.T) {
	tests := map[string]struct {
		before   changes
		survives bool
		notices  int
	}{
		"never verified":               {nil, false, 1},
		"verified, by a scanner maybe": {changes{"email_verified": boolean(true)}, false, 1},
		"proven":                       {changes{"email_verified": boolean(true), "proven": boolean(true)}, true, 0},
		"without a password":           {changes{"phc": text("")}, false, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			h, provider := newHouse(t), octavia()
			earlier := h.preRegister(t, test.before)
			account := h.user(t, "attacker").ID
			box := &postbox{}
			pair := h.mustOAuth(t, provider)
			identity, err := h.authenticate(t, pair)
			if err != nil || identity.User.ID != account || !identity.User.Proven || !identity.User.EmailVerified {
				t.Errorf("signed in as %+v, error %v", identity.User, err)
			}
			if identity.User.OAuthProvider != "acme" || identity.User.PasswordHash.IsZero() == test.survives {
				t.Errorf("the account is %+v", identity.User)
			}
			_, earlierErr := h.authenticate(t, earlier)
			_, loginErr := h.tryLogin(t.Context(), "attacker", goodPassword)
			if (earlierErr == nil) != test.survives || (loginErr == nil) != test.survives {
				t.Errorf("the session before: %v, the password before: %v", earlierErr, loginErr)
			}
			if err := h.deliver(t, box); err != nil {
				t.Fatal(err)
			}
			if got := box.count(outbox.PasswordRemoved); got != test.notices {
				t.Errorf("%d notices were sent", got)
			}
			h.mustOAuth(t, provider)
		})
	}
}

func (p *postbox) count(purpose outbox.Purpose) int {
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
	h, provider := newHouse(t), octavia()
	h.preRegister(t, nil)
	box := &postbox{}
	if err := h.deliver(t, box); err != nil {
		t.Fatal(err)
	}
	h.mustOAuth(t, provider)
	if _, err := h.verifier().Inspect(t.Context(), box.sent[0].token); !errors.Is(err, maillink.ErrInvalidVerificationToken) {
		t.Errorf("the link: %v", err)
	}
}

func TestADisabledAccountIsNotSignedIn(t *testing.T) {
	for name, known := range map[string]bool{"to be linked": false, "known": true} {
		t.Run(name, func(t *testing.T) {
			h, provider := newHouse(t), octavia()
			if known {
				h.mustOAuth(t, provider)
			} else {
				h.preRegister(t, nil)
			}
			h.change(t, "octavia@example.com", changes{"active": boolean(false)})
			before := h.tables.Keys(t)
			if _, err := h.oauthIn(t, provider); !errors.Is(err, account.ErrAccountInactive) {
				t.Errorf("the error is %v", err)
			}
			if after := h.tables.Keys(t); len(after) != len(before)+1 { // the flow
				t.Errorf("the tables hold %v", after)
			}
		})
	}
}

// TestAnotherIdentityOfTheProvider takes the place of the former one: the mailbox is theirs now.
func TestAnotherIdentityOfTheProvider(t *testing.T) {
	h, former := newHouse(t), octavia()
	sess := h.mustOAuth(t, former)
	former.person.Email = "moved@example.com"
	owner := octavia()
	owner.person.Subject = "43"
	pair := h.mustOAuth(t, owner)
	if identity, err := h.authenticate(t, pair); err != nil || identity.User.ID != h.user(t, "octavia").ID {
		t.Errorf("the owner is %+v, error %v", identity, err)
	}
	if _, err := h.authenticate(t, sess); !errors.Is(err, session.ErrAuthenticationRequired) {
		t.Errorf("the former session: %v", err)
	}
	h.mustOAuth(t, former)
	if h.user(t, "moved@example.com").ID == h.user(t, "octavia").ID {
		t.Error("the former identity still opens the account")
	}
	h.mustOAuth(t, owner)
}

// TestAnIdentityReplacedMeanwhile opens nothing, at whatever point of its sign-in the owner of the mailbox comes.
func TestAnIdentityReplacedMeanwhile(t *testing.T) {
	h, former, owner := newHouse(t), octavia(), octavia()
	h.mustOAuth(t, former)
	former.person.Email = "moved@example.com"
	owner.person.Subject = "43"
	callback, binding := h.begin(t, former, secret.String{})
	store := &meanwhileStore{IdentityStore: h.store, meanwhile: func() { h.mustOAuth(t, owner) }}
	pair, _, err := h.oauthOver(former, store).Finish(t.Context(), "acme", callback, binding)
	if err != nil {
		t.Fatal(err)
	}
	if identity, err := h.authenticate(t, pair); err != nil || identity.User.Email.Canonical != "moved@example.com" {
		t.Errorf("the former identity opens the account of %q, error %v", identity.User.Email.Canonical, err)
	}
}

// TestManyFirstSignInsMakeOneAccount, also against a registration of the same address.
func TestManyFirstSignInsMakeOneAccount(t *testing.T) {
	const many = 32
	h, provider := newHouse(t), octavia()
	callbacks, bindings := make([]signin.Callback, many), make([]secret.String, many)
	for i := range many {
		callbacks[i], bindings[i] = h.begin(t, provider, secret.String{})
	}
	pairs, errs := make([]session.Pair, many), make([]error, many)
	var wait sync.WaitGroup
	for i := range many {
		wait.Go(func() {
			pairs[i], _, errs[i] = h.oauth(provider).Finish(t.Context(), "acme", callbacks[i], bindings[i])
		})
	}
	wait.Wait()
	account := h.user(t, "octavia@example.com").ID
	for i, err := range errs {
		if err != nil {
			t.Errorf("a sign-in failed: %v", err)
			continue
		}
		if identity, err := h.authenticate(t, pairs[i]); err != nil || identity.User.ID != account {
			t.Errorf("a token is of %v, error %v", identity.User.ID, err)
		}
	}
	kinds := map[string]int{}
	for _, key := range h.tables.Keys(t) {
		kinds[key[:2]]++
	}
	if want := map[string]int{"U#": 2, "N#": 1, "E#": 1, "I#": 1, "S#": many, "A#": many}; !reflect.DeepEqual(kinds, want) {
		t.Errorf("the tables hold %v", kinds)
	}
}

// meanwhileStore lets something happen between what a sign-in reads and its first write.
type meanwhileStore struct {
	signin.IdentityStore
	meanwhile func()
}

func (m *meanwhileStore) CreateAccountWithIdentity(ctx context.Context, user account.User, identity signin.Identity, session session.Session) error {
	once(&m.meanwhile)
	return m.IdentityStore.CreateAccountWithIdentity(ctx, user, identity, session)
}

func (m *meanwhileStore) LinkIdentity(ctx context.Context, link signin.Link) error {
	once(&m.meanwhile)
	return m.IdentityStore.LinkIdentity(ctx, link)
}

func (m *meanwhileStore) RecordLogin(ctx context.Context, user account.User, hash secret.String, now time.Time) (int, error) {
	once(&m.meanwhile)
	return m.IdentityStore.RecordLogin(ctx, user, hash, now)
}

// TestAccountsThatChangeMeanwhile are looked at again: what has become of them decides.
func TestAccountsThatChangeMeanwhile(t *testing.T) {
	tests := map[string]struct {
		before, meanwhile func(t *testing.T, h *house)
		want              error
		check             func(t *testing.T, user account.User)
	}{
		"the username is taken": {nil, func(t *testing.T, h *house) { h.register(t, "octavia", "o@example.com") }, nil,
			func(t *testing.T, user account.User) {
				if !strings.HasPrefix(user.Username.Typed, "octavia_") {
					t.Errorf("the username is %q", user.Username.Typed)
				}
			}},
		"the address is registered": {nil, func(t *testing.T, h *house) { h.preRegister(t, nil) }, nil,
			func(t *testing.T, user account.User) {
				if user.Username.Typed != "attacker" || !user.PasswordHash.IsZero() || user.Epoch != 1 {
					t.Errorf("the account is %+v", user)
				}
			}},
		"the same person signs in": {nil, func(t *testing.T, h *house) { h.mustOAuth(t, octavia()) }, nil,
			func(t *testing.T, user account.User) {
				if user.Username.Typed != "octavia" || user.SessionsLeft != 48 {
					t.Errorf("the account is %+v", user)
				}
			}},
		"the holder proves the mailbox": {
			func(t *testing.T, h *house) { h.preRegister(t, nil) },
			func(t *testing.T, h *house) {
				h.change(t, "attacker", changes{"proven": boolean(true), "rev": number("1")})
			}, nil,
			func(t *testing.T, user account.User) {
				if user.PasswordHash.IsZero() || user.Epoch != 0 {
					t.Errorf("the account is %+v", user)
				}
			}},
		"the account is disabled": {
			func(t *testing.T, h *house) { h.preRegister(t, nil) },
			func(t *testing.T, h *house) {
				h.change(t, "attacker", changes{"active": boolean(false), "epoch": number("1")})
			},
			account.ErrAccountInactive, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			h, provider := newHouse(t), octavia()
			if test.before != nil {
				test.before(t, h)
			}
			callback, binding := h.begin(t, provider, secret.String{})
			store := &meanwhileStore{IdentityStore: h.store, meanwhile: func() { test.meanwhile(t, h) }}
			pair, _, err := h.oauthOver(provider, store).Finish(t.Context(), "acme", callback, binding)
			if !errors.Is(err, test.want) {
				t.Fatalf("the error is %v", err)
			}
			if test.want != nil {
				return
			}
			if _, err := h.authenticate(t, pair); err != nil {
				t.Errorf("the session is born dead: %v", err)
			}
			test.check(t, h.user(t, "octavia@example.com"))
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
	h, provider := newHouse(t), octavia()
	store := &endlessStore{IdentityStore: h.store}
	callback, binding := h.begin(t, provider, secret.String{})
	if _, _, err := h.oauthOver(provider, store).Finish(t.Context(), "acme", callback, binding); err == nil || store.tries != 5 {
		t.Errorf("after %d tries the error is %v", store.tries, err)
	}
}

// TestLinkingMakesRoom: a link to an account with all its sessions ends the oldest.
func TestLinkingMakesRoom(t *testing.T) {
	h, provider := newHouse(t), octavia()
	h.preRegister(t, changes{"proven": boolean(true), "room": number("1")})
	account := h.user(t, "attacker")
	for range 50 {
		session := session.Session{User: account.ID, ID: id.New(rand.Reader), Kind: session.KindTokens, Created: h.clock,
			LastRenewal: h.clock, KeyID: "k", Expires: h.clock.Add(time.Hour), End: h.clock.Add(time.Hour)}
		if err := h.store.PutSession(t.Context(), session); err != nil {
			t.Fatal(err)
		}
	}
	h.mustOAuth(t, provider)
	sessions, err := h.store.ListSessions(t.Context(), account.ID)
	if err != nil || len(sessions) != 50 {
		t.Errorf("%d sessions are left, error %v", len(sessions), err)
	}
}

// TestASignInByAProviderMakesTheDeviceKnown: tries at the password of the account count apart on it.
func TestASignInByAProviderMakesTheDeviceKnown(t *testing.T) {
	h, provider := newHouse(t), octavia()
	h.preRegister(t, changes{"proven": boolean(true)})
	callback, binding := h.begin(t, provider, secret.String{})
	_, device, err := h.oauth(provider).Finish(t.Context(), "acme", callback, binding)
	if err != nil {
		t.Fatal(err)
	}
	for range 6 { // strangers use up what is free
		_, _, _ = h.login().Login(t.Context(), guard.Attempt{Name: "attacker", Password: secret.New("wrong wrong")})
	}
	asked := guard.Attempt{Name: "attacker", Password: secret.New(goodPassword)}
	if _, _, err := h.login().Login(t.Context(), asked); fault.From(err) == nil || fault.From(err).Kind != fault.Limited {
		t.Errorf("a stranger with the right password: %v", err)
	}
	asked.Device = device
	if _, _, err := h.login().Login(t.Context(), asked); err != nil {
		t.Errorf("on the device: %v", err)
	}
	callback, binding = h.begin(t, provider, binding)
	callback.Device = device
	if _, again, err := h.oauth(provider).Finish(t.Context(), "acme", callback, binding); err != nil || again != device {
		t.Errorf("the device got another name, error %v", err)
	}
}
