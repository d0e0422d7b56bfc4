package dynamo_test

import (
	"crypto/rand"
	"errors"
	"net/http"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"

	"latchkey/infra/testkit/wiretap"
	"latchkey/pkg/account"
	"latchkey/pkg/id"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
	"latchkey/pkg/signin"
)

var octavia = signin.Identity{Provider: "acme", Issuer: "https://acme.example", Subject: "42"}

func newLink(user account.User) signin.Link {
	link := signin.Link{User: user, Identity: octavia, RemovePassword: true, At: now, Notice: newMail(user)}
	user.Epoch++
	link.Session = newSession(user)
	return link
}

// linkTwice links an account to octavia. It returns the account as it then is, and a link that replaces octavia.
func linkTwice(t *testing.T, f fixture) (account.User, signin.Link) {
	t.Helper()
	user, _ := create(t, f, "alice", "alice@example.com")
	if err := f.LinkIdentity(t.Context(), newLink(user)); err != nil {
		t.Fatal(err)
	}
	user, err := f.ReadUser(t.Context(), user.ID)
	if err != nil {
		t.Fatal(err)
	}
	second := newLink(user)
	second.Identity.Subject = "43"
	err = f.LinkIdentity(t.Context(), second)
	refusal, refused := errors.AsType[*signin.IdentityLinkedError](err)
	if !refused {
		t.Fatalf("a second identity of the provider: got error %v, want an IdentityLinkedError", err)
	}
	second.Replaces = refusal.Existing
	return user, second
}

func TestConcurrentAccountsWithOneIdentity(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		var created atomic.Int32
		var callers sync.WaitGroup
		for range 32 {
			callers.Go(func() {
				user := newUser(t, "octavia", "octavia@example.com")
				err := f.CreateAccountWithIdentity(t.Context(), user, octavia, newSession(user))
				if err == nil {
					created.Add(1)
				} else if !errors.Is(err, signin.ErrIdentityTaken) {
					t.Errorf("got error %v, want none or %v", err, signin.ErrIdentityTaken)
				}
			})
		}
		callers.Wait()
		if created.Load() != 1 {
			t.Errorf("got %d accounts of 32 requests, want 1", created.Load())
		}
		wantItems(t, f, 6)
	})
}

func TestCreateAccountWithTakenNames(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		create(t, f, "alice", "alice@example.com")
		before := f.tables.Keys(t)
		for name, test := range map[string]struct {
			username, email string
			want            error
		}{
			"the username": {"ALICE", "other@example.com", account.ErrUsernameTaken},
			"the address":  {"other", "alice@EXAMPLE.com", account.ErrEmailTaken},
			"both":         {"alice", "alice@example.com", account.ErrEmailTaken},
		} {
			user := newUser(t, test.username, test.email)
			if err := f.CreateAccountWithIdentity(t.Context(), user, octavia, newSession(user)); !errors.Is(err, test.want) {
				t.Errorf("%s: got error %v, want %v", name, err, test.want)
			}
		}
		if after := f.tables.Keys(t); !reflect.DeepEqual(before, after) {
			t.Errorf("got items %v, want %v", after, before)
		}
	})
}

func TestLinkIdentity(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		user, _ := create(t, f, "alice", "alice@example.com")
		link := newLink(user)
		if err := f.LinkIdentity(t.Context(), link); err != nil {
			t.Fatal(err)
		}
		if got, err := f.FindUserByIdentity(t.Context(), octavia); err != nil || got.ID != user.ID {
			t.Errorf("got user %v of the identity, error %v, want %v", got.ID, err, user.ID)
		}
		want := user
		want.PasswordHash, want.Epoch, want.Revision, want.SessionsLeft = secret.String{}, 1, 1, user.SessionsLeft-1
		want.EmailVerified, want.Proven, want.OAuthProvider, want.LastLogin = true, true, "acme", now
		if got, err := f.ReadUser(t.Context(), user.ID); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got account %+v, error %v, want %+v", got, err, want)
		}
		got, err := f.ReadSessions(t.Context(), []session.Ref{link.Session.Ref()})
		if err != nil || !got[link.Session.Ref()].Session.Live(want, now) {
			t.Errorf("got sessions %+v, error %v, want a live one", got, err)
		}
	})
}

// TestRefusedLinks has a case for each part of the conditions.
func TestRefusedLinks(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		user, _ := create(t, f, "alice", "alice@example.com")
		other := newUser(t, "bob", "bob@example.com")
		ofOther := octavia
		ofOther.Subject = "43"
		if err := f.CreateAccountWithIdentity(t.Context(), other, ofOther, newSession(other)); err != nil {
			t.Fatal(err)
		}
		disabled := newUser(t, "carol", "carol@example.com")
		disabled.Active = false
		ofDisabled := octavia
		ofDisabled.Provider = "other"
		if err := f.CreateAccountWithIdentity(t.Context(), disabled, ofDisabled, newSession(disabled)); err != nil {
			t.Fatal(err)
		}
		before := f.tables.Keys(t)
		for name, test := range map[string]struct {
			change func(*signin.Link)
			want   error
		}{
			"an identity of another user": {func(l *signin.Link) { l.Identity = ofOther }, signin.ErrIdentityTaken},
			"another revision":            {func(l *signin.Link) { l.User.Revision = 7 }, signin.ErrUserChanged},
			"another epoch":               {func(l *signin.Link) { l.User.Epoch = 7 }, signin.ErrUserChanged},
			"an absent account":           {func(l *signin.Link) { l.User.ID = id.New(rand.Reader) }, signin.ErrUserChanged},
			"a disabled account":          {func(l *signin.Link) { l.User.ID = disabled.ID }, signin.ErrUserChanged},
		} {
			link := newLink(user)
			test.change(&link)
			if err := f.LinkIdentity(t.Context(), link); !errors.Is(err, test.want) {
				t.Errorf("%s: got error %v, want %v", name, err, test.want)
			}
		}
		if after := f.tables.Keys(t); !reflect.DeepEqual(before, after) {
			t.Errorf("got items %v, want %v", after, before)
		}
	})
}

func TestReplaceIdentity(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		user, second := linkTwice(t, f)
		absent := second
		absent.Replaces = "I#acme#another"
		err := f.LinkIdentity(t.Context(), absent)
		if _, refused := errors.AsType[*signin.IdentityLinkedError](err); !refused {
			t.Errorf("in place of an absent identity: got error %v, want an IdentityLinkedError", err)
		}
		if err := f.LinkIdentity(t.Context(), second); err != nil {
			t.Fatal(err)
		}
		if got, err := f.FindUserByIdentity(t.Context(), octavia); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("the replaced identity: got user %v, error %v, want %v", got.ID, err, account.ErrNotFound)
		}
		if got, err := f.FindUserByIdentity(t.Context(), second.Identity); err != nil || got.ID != user.ID {
			t.Errorf("the new identity: got user %v, error %v, want %v", got.ID, err, user.ID)
		}
	})
}

// TestSimilarIdentities ensures that each part of an identity distinguishes it, and also the boundary between two parts.
func TestSimilarIdentities(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		user := newUser(t, "octavia", "octavia@example.com")
		if err := f.CreateAccountWithIdentity(t.Context(), user, octavia, newSession(user)); err != nil {
			t.Fatal(err)
		}
		for name, other := range map[string]signin.Identity{
			"another provider": {Provider: "other", Issuer: octavia.Issuer, Subject: octavia.Subject},
			"another issuer":   {Provider: "acme", Issuer: "https://elsewhere.example", Subject: octavia.Subject},
			"another subject":  {Provider: "acme", Issuer: octavia.Issuer, Subject: "43"},
			"another boundary": {Provider: "acme", Issuer: octavia.Issuer + "4", Subject: "2"},
		} {
			if got, err := f.FindUserByIdentity(t.Context(), other); !errors.Is(err, account.ErrNotFound) {
				t.Errorf("%s: got user %v, error %v, want %v", name, got.ID, err, account.ErrNotFound)
			}
		}
	})
}

func TestFindHolders(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		user, _ := create(t, f, "alice", "alice@example.com")
		for name, test := range map[string]struct {
			username, email string
			holder          id.ID
			taken           bool
		}{
			"neither":      {"bob", "bob@example.com", id.ID{}, false},
			"the username": {"Alice", "bob@example.com", id.ID{}, true},
			"the address":  {"bob", "alice@EXAMPLE.com", user.ID, false},
			"both":         {"alice", "alice@example.com", user.ID, true},
		} {
			names := newUser(t, test.username, test.email)
			holder, taken, err := f.FindHolders(t.Context(), names.Email, names.Username)
			if err != nil || holder != test.holder || taken != test.taken {
				t.Errorf("%s: got holder %v, taken %t, error %v, want %v, %t", name, holder, taken, err, test.holder, test.taken)
			}
		}
	})
}

// TestIdentityReplacedBetweenReads replaces an identity between the two reads of FindUserByIdentity. The account as the second
// one returns it no longer names the identity, so the result must be that there is no user.
func TestIdentityReplacedBetweenReads(t *testing.T) {
	f := onDynoxide(t)
	_, second := linkTwice(t, f)
	other := openStore(f.tables, nil)
	f.tap.Reset()
	f.tap.Inject("GetItem", 1, 1, func(e wiretap.Exchange) (*http.Response, error) {
		if err := other.LinkIdentity(t.Context(), second); err != nil {
			t.Error(err)
		}
		return wiretap.LoseAnswer(e) // the SDK repeats the read
	})
	if got, err := f.FindUserByIdentity(t.Context(), octavia); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("got user %v, error %v, want %v", got.ID, err, account.ErrNotFound)
	}
}
