package dynamo_test

import (
	"crypto/rand"
	"errors"
	"net/http"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/infra/testkit/wiretap"
	"latchkey/pkg/account"
	"latchkey/pkg/id"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
	"latchkey/pkg/signin"
)

func newFlow() signin.Flow {
	return signin.Flow{
		FlowKeys: signin.FlowKeys{State: secret.New("state"), Verifier: secret.New("verifier"), Nonce: secret.New("nonce")},
		Provider: "acme",
		Binding:  []byte("a hash"),
		Expires:  now.Truncate(time.Second).Add(time.Minute),
	}
}

// putFlow stores a flow.
func putFlow(t *testing.T, f fixture) {
	t.Helper()
	if err := f.PutFlow(t.Context(), newFlow()); err != nil {
		t.Fatal(err)
	}
}

// TestAFlowIsSpentOnlyByWhomItIsBoundTo holds each part of the condition.
func TestAFlowIsSpentOnlyByWhomItIsBoundTo(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		putFlow(t, f)
		for name, change := range map[string]func(*signin.Flow, *time.Time){
			"another state":    func(flow *signin.Flow, _ *time.Time) { flow.State = secret.New("another") },
			"another provider": func(flow *signin.Flow, _ *time.Time) { flow.Provider = "other" },
			"another browser":  func(flow *signin.Flow, _ *time.Time) { flow.Binding = []byte("another") },
			"at its end":       func(flow *signin.Flow, at *time.Time) { *at = flow.Expires },
		} {
			presented, at := newFlow(), now
			change(&presented, &at)
			if _, err := f.SpendFlow(t.Context(), presented, at); !errors.Is(err, account.ErrNotFound) {
				t.Errorf("%s: the error is %v", name, err)
			}
		}
		presented := signin.Flow{FlowKeys: signin.FlowKeys{State: secret.New("state")}, Provider: "acme", Binding: []byte("a hash")}
		if got, err := f.SpendFlow(t.Context(), presented, now); err != nil || !reflect.DeepEqual(got, newFlow()) {
			t.Errorf("the flow is %+v, error %v", got, err)
		}
		if _, err := f.SpendFlow(t.Context(), presented, now); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("again: %v", err)
		}
	})
}

func TestOfManySpendersOneGetsTheFlow(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		putFlow(t, f)
		var won atomic.Int32
		var wait sync.WaitGroup
		for range 32 {
			wait.Go(func() {
				_, err := f.SpendFlow(t.Context(), newFlow(), now)
				if err == nil {
					won.Add(1)
				} else if !errors.Is(err, account.ErrNotFound) {
					t.Errorf("a loser got %v", err)
				}
			})
		}
		wait.Wait()
		if won.Load() != 1 {
			t.Errorf("%d got it", won.Load())
		}
	})
}

var octavia = signin.Identity{Provider: "acme", Issuer: "https://acme.example", Subject: "42"}

func newLink(user account.User) signin.Link {
	link := signin.Link{User: user, Identity: octavia, RemovePassword: true, At: now, Notice: newMail(user)}
	user.Epoch++
	link.Session = newSession(user)
	return link
}

func TestOfManyCreatorsOneMakesTheAccount(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		var made atomic.Int32
		var wait sync.WaitGroup
		for range 32 {
			wait.Go(func() {
				user := newUser(t, "octavia", "octavia@example.com")
				err := f.CreateAccountWithIdentity(t.Context(), user, octavia, newSession(user))
				if err == nil {
					made.Add(1)
				} else if !errors.Is(err, signin.ErrIdentityTaken) {
					t.Errorf("a loser got %v", err)
				}
			})
		}
		wait.Wait()
		if keys := f.tables.Keys(t); made.Load() != 1 || len(keys) != 6 {
			t.Errorf("%d made it, the tables hold %v", made.Load(), keys)
		}
	})
}

// TestWhatStandsInTheWayOfAnAccount is told, and nothing is written.
func TestWhatStandsInTheWayOfAnAccount(t *testing.T) {
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
				t.Errorf("%s: the error is %v", name, err)
			}
		}
		if after := f.tables.Keys(t); !reflect.DeepEqual(before, after) {
			t.Errorf("the tables hold %v", after)
		}
	})
}

func TestALinkIsMadeAsItIsTold(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		user, _ := create(t, f, "alice", "alice@example.com")
		link := newLink(user)
		if err := f.LinkIdentity(t.Context(), link); err != nil {
			t.Fatal(err)
		}
		found, err := f.FindUserByIdentity(t.Context(), octavia)
		if err != nil || found.ID != user.ID {
			t.Errorf("the identity leads to %v, error %v", found, err)
		}
		want := user
		want.PasswordHash, want.Epoch, want.Revision, want.SessionsLeft = secret.String{}, 1, 1, user.SessionsLeft-1
		want.EmailVerified, want.Proven, want.OAuthProvider, want.LastLogin = true, true, "acme", now
		if after, err := f.ReadUser(t.Context(), user.ID); err != nil || !reflect.DeepEqual(after, want) {
			t.Errorf("the account is %+v, error %v", after, err)
		}
		sessions, err := f.ReadSessions(t.Context(), []session.Ref{link.Session.Ref()})
		if err != nil || !sessions[link.Session.Ref()].Session.Live(want, now) {
			t.Errorf("the session is %+v, error %v", sessions, err)
		}
	})
}

// TestLinksThatAreRefused holds each part of the conditions; nothing is written.
func TestLinksThatAreRefused(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		user, _ := create(t, f, "alice", "alice@example.com")
		taken := newUser(t, "bob", "bob@example.com")
		bobs := octavia
		bobs.Subject = "43"
		if err := f.CreateAccountWithIdentity(t.Context(), taken, bobs, newSession(taken)); err != nil {
			t.Fatal(err)
		}
		disabled := newUser(t, "carol", "carol@example.com")
		disabled.Active = false
		carols := octavia
		carols.Provider = "other"
		if err := f.CreateAccountWithIdentity(t.Context(), disabled, carols, newSession(disabled)); err != nil {
			t.Fatal(err)
		}
		before := f.tables.Keys(t)
		for name, test := range map[string]struct {
			change func(*signin.Link)
			want   error
		}{
			"the identity is another's": {func(l *signin.Link) { l.Identity = bobs }, signin.ErrIdentityTaken},
			"another revision":          {func(l *signin.Link) { l.User.Revision = 7 }, signin.ErrUserChanged},
			"another epoch":             {func(l *signin.Link) { l.User.Epoch = 7 }, signin.ErrUserChanged},
			"no such account":           {func(l *signin.Link) { l.User.ID = id.New(rand.Reader) }, signin.ErrUserChanged},
			"a disabled account":        {func(l *signin.Link) { l.User.ID = disabled.ID }, signin.ErrUserChanged},
		} {
			link := newLink(user)
			test.change(&link)
			if err := f.LinkIdentity(t.Context(), link); !errors.Is(err, test.want) {
				t.Errorf("%s: the error is %v", name, err)
			}
		}
		if after := f.tables.Keys(t); !reflect.DeepEqual(before, after) {
			t.Errorf("the tables hold %v", after)
		}
	})
}

// TestALinkThatReplacesAnother: the account's former identity of the provider is named, and then opens nothing.
func TestALinkThatReplacesAnother(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
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
		linked, is := errors.AsType[*signin.IdentityLinkedError](f.LinkIdentity(t.Context(), second))
		if !is {
			t.Fatal("the first identity does not stand in the way")
		}
		second.Replaces = "I#acme#another"
		if _, is := errors.AsType[*signin.IdentityLinkedError](f.LinkIdentity(t.Context(), second)); !is {
			t.Error("what is not there was replaced")
		}
		second.Replaces = linked.Existing
		if err := f.LinkIdentity(t.Context(), second); err != nil {
			t.Fatal(err)
		}
		if _, err := f.FindUserByIdentity(t.Context(), octavia); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("the former identity: %v", err)
		}
		if found, err := f.FindUserByIdentity(t.Context(), second.Identity); err != nil || found.ID != user.ID {
			t.Errorf("the new identity leads to %v, error %v", found, err)
		}
	})
}

// TestIdentitiesThatAreAlike are others: each part counts, and where it ends.
func TestIdentitiesThatAreAlike(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		user := newUser(t, "octavia", "octavia@example.com")
		if err := f.CreateAccountWithIdentity(t.Context(), user, octavia, newSession(user)); err != nil {
			t.Fatal(err)
		}
		for name, other := range map[string]signin.Identity{
			"another provider": {Provider: "other", Issuer: octavia.Issuer, Subject: octavia.Subject},
			"another issuer":   {Provider: "acme", Issuer: "https://elsewhere.example", Subject: octavia.Subject},
			"another subject":  {Provider: "acme", Issuer: octavia.Issuer, Subject: "43"},
			"another border":   {Provider: "acme", Issuer: octavia.Issuer + "4", Subject: "2"},
		} {
			if found, err := f.FindUserByIdentity(t.Context(), other); !errors.Is(err, account.ErrNotFound) {
				t.Errorf("%s leads to %v, error %v", name, found, err)
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
			asked := newUser(t, test.username, test.email)
			holder, taken, err := f.FindHolders(t.Context(), asked.Email, asked.Username)
			if err != nil || holder != test.holder || taken != test.taken {
				t.Errorf("%s: %v, %t, error %v", name, holder, taken, err)
			}
		}
	})
}

// TestAnIdentityReplacedBetweenTwoReads leads nowhere: the account that is read says which identity it has.
func TestAnIdentityReplacedBetweenTwoReads(t *testing.T) {
	f := onDynoxide(t)
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
	linked, _ := errors.AsType[*signin.IdentityLinkedError](f.LinkIdentity(t.Context(), second))
	second.Replaces = linked.Existing
	other := openStore(f.tables, nil)
	f.tap.Reset()
	f.tap.Inject("GetItem", 1, 1, func(e wiretap.Exchange) (*http.Response, error) {
		if err := other.LinkIdentity(t.Context(), second); err != nil {
			t.Error(err)
		}
		return wiretap.LoseAnswer(e) // and the read is repeated
	})
	if found, err := f.FindUserByIdentity(t.Context(), octavia); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("the former identity leads to %+v, error %v", found, err)
	}
}
