package dynamo_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/pkg/account"
	"latchkey/pkg/limit"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
	"latchkey/pkg/signin"
)

func byName(user account.User) account.LoginName {
	return account.LoginName{Canonical: user.Username.Canonical}
}

func byAddress(user account.User) account.LoginName {
	return account.LoginName{Canonical: user.Email.Canonical, IsAddress: true}
}

// failures is a window without a count.
var failures = limit.Quota{Scope: "failures", Limit: 5}.Of("192.0.2.1").At(now)

// findUser returns the account with the login name in the two reads of a login.
func (f fixture) findUser(ctx context.Context, login account.LoginName) (account.User, error) {
	user, _, err := f.FindAccount(ctx, login, failures)
	if err != nil {
		return account.User{}, err
	}
	return f.ReadUser(ctx, user)
}

func TestAccountRoundTrip(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		want := newUser(t, "Pythonista", "Pythonista@Example.com")
		want.Epoch, want.Revision, want.SessionsLeft = 3, 4, -2
		want.Staff, want.Superuser, want.Membership, want.EmailVerified, want.Proven = true, true, true, true, true
		want.OAuthProvider, want.LastLogin = "github", now.Add(time.Minute)
		sess := newSession(want)
		sess.Generation = 5
		if err := f.CreateAccount(t.Context(), want, sess, newMail(want)); err != nil {
			t.Fatal(err)
		}
		for _, login := range []account.LoginName{byName(want), byAddress(want)} {
			got, err := f.findUser(t.Context(), login)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%+v: got %+v, error %v, want %+v", login, got, err, want)
			}
		}
		got, err := f.ReadSessions(t.Context(), []session.Ref{sess.Ref()})
		if err != nil || !reflect.DeepEqual(got, principals(session.Principal{User: want, Session: sess})) {
			t.Errorf("the sessions are %+v, error %v", got, err)
		}
	})
}

func TestTakenNames(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		create(t, f, "alice", "alice@example.com")
		before := f.tables.Keys(t)
		tests := map[string]struct {
			username, email string
			want            error
		}{
			"the username":         {"alice", "other@example.com", account.ErrUsernameTaken},
			"another form of it":   {"Ａlice", "other@example.com", account.ErrUsernameTaken},
			"the address":          {"other", "alice@example.com", account.ErrEmailTaken},
			"another form of that": {"other", "Alice@EXAMPLE.com", account.ErrEmailTaken},
			"both":                 {"alice", "alice@example.com", account.ErrUsernameTaken},
			"free names":           {"alice2", "alice2@example.com", nil},
		}
		for name, test := range tests {
			user := newUser(t, test.username, test.email)
			if err := f.EnsureFree(t.Context(), user.Username, user.Email); !errors.Is(err, test.want) {
				t.Errorf("%s: got error %v of EnsureFree, want %v", name, err, test.want)
			}
			if test.want == nil {
				continue
			}
			if err := f.CreateAccount(t.Context(), user, newSession(user), newMail(user)); !errors.Is(err, test.want) {
				t.Errorf("%s: got error %v of CreateAccount, want %v", name, err, test.want)
			}
		}
		if after := f.tables.Keys(t); !reflect.DeepEqual(before, after) {
			t.Errorf("got items %v, want %v", after, before)
		}
	})
}

func TestConcurrentAccountsWithOneName(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		var created, refused atomic.Int32
		var callers sync.WaitGroup
		for range 32 {
			callers.Go(func() {
				user := newUser(t, "alice", "alice@example.com")
				switch err := f.CreateAccount(t.Context(), user, newSession(user), newMail(user)); {
				case err == nil:
					created.Add(1)
				case errors.Is(err, account.ErrUsernameTaken):
					refused.Add(1)
				default:
					t.Errorf("got error %v, want none or %v", err, account.ErrUsernameTaken)
				}
			})
		}
		callers.Wait()
		if created.Load() != 1 || refused.Load() != 31 {
			t.Errorf("got %d created and %d refused, want 1 and 31", created.Load(), refused.Load())
		}
		wantItems(t, f, 5)
	})
}

func TestAbsentItems(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		user, sess := create(t, f, "alice", "alice@example.com")
		other, _ := create(t, f, "bob", "bob@example.com")
		if _, err := f.findUser(t.Context(), account.LoginName{Canonical: "unknown"}); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("an unknown name: got error %v, want %v", err, account.ErrNotFound)
		}
		if _, err := f.findUser(t.Context(), account.LoginName{Canonical: "alice", IsAddress: true}); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("a username as an address: got error %v, want %v", err, account.ErrNotFound)
		}
		if _, err := f.ReadUser(t.Context(), sess.ID); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("an unknown id: got error %v, want %v", err, account.ErrNotFound)
		}
		for name, ref := range map[string]session.Ref{
			"an absent session":         {User: user.ID, Session: other.ID},
			"a session of another user": {User: other.ID, Session: sess.ID},
			"an absent user":            {User: sess.ID, Session: sess.ID},
		} {
			if found, err := f.ReadSessions(t.Context(), []session.Ref{ref}); err != nil || len(found) != 0 {
				t.Errorf("%s: got %v, error %v, want none", name, found, err)
			}
			if err := f.EndSession(t.Context(), ref); err != nil {
				t.Errorf("ending %s: got error %v, want none", name, err)
			}
		}
		if found, err := f.ReadSessions(t.Context(), []session.Ref{sess.Ref()}); err != nil || len(found) != 1 {
			t.Errorf("after ending others: got sessions %v, error %v, want 1", found, err)
		}
	})
}

func TestRecordLogin(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		user, _ := create(t, f, "alice", "alice@example.com")
		want := user
		want.SessionsLeft, want.LastLogin, want.Forgiven = user.SessionsLeft-1, now.Add(time.Hour), 7
		left, err := f.RecordLogin(t.Context(), user, signin.Recorded{At: want.LastLogin, Hash: user.PasswordHash, Forgiven: 7})
		if err != nil || left != want.SessionsLeft {
			t.Fatalf("got %d sessions left, error %v, want %d", left, err, want.SessionsLeft)
		}
		if got, err := f.findUser(t.Context(), byName(user)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got account %+v, error %v, want %+v", got, err, want)
		}
	})
}

// TestConcurrentLoginsForgiveTheLatestAttempt records logins of one reading of the account in any order.
func TestConcurrentLoginsForgiveTheLatestAttempt(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		user, _ := create(t, f, "alice", "alice@example.com")
		for _, forgiven := range []int{3, 1, 4, 2} {
			if _, err := f.RecordLogin(t.Context(), user, signin.Recorded{At: now, Hash: user.PasswordHash, Forgiven: forgiven}); err != nil {
				t.Errorf("a login that forgives %d attempts: got error %v, want none", forgiven, err)
			}
		}
		got, err := f.findUser(t.Context(), byName(user))
		if err != nil || got.Forgiven != 4 || got.SessionsLeft != user.SessionsLeft-4 {
			t.Errorf("got %d forgiven and %d sessions left, error %v, want 4 and %d", got.Forgiven, got.SessionsLeft, err, user.SessionsLeft-4)
		}
		if _, err := f.RecordLogin(t.Context(), got, signin.Recorded{At: now, Hash: user.PasswordHash, Forgiven: 1}); err != nil {
			t.Errorf("a login at a counter that began again: got error %v, want none", err)
		}
		if got, err := f.findUser(t.Context(), byName(user)); err != nil || got.Forgiven != 1 {
			t.Errorf("at a counter that began again: got %d forgiven, error %v, want 1", got.Forgiven, err)
		}
	})
}

// TestRecordLoginWithAnotherHash ensures that a login replaces only the hash that was read, and otherwise returns the current
// account.
func TestRecordLoginWithAnotherHash(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		user, _ := create(t, f, "alice", "alice@example.com")
		want := user
		want.PasswordHash, want.SessionsLeft, want.LastLogin = secret.New("renewed"), user.SessionsLeft-1, now
		left, err := f.RecordLogin(t.Context(), user, recorded(want))
		if err != nil || left != want.SessionsLeft {
			t.Fatalf("got %d sessions left, error %v, want %d", left, err, want.SessionsLeft)
		}
		_, err = f.RecordLogin(t.Context(), user, signin.Recorded{At: now, Hash: secret.New("renewed again")})
		if stale, ok := errors.AsType[*account.StaleUserError](err); !ok || !reflect.DeepEqual(stale.Current, want) {
			t.Errorf("a second time: got error %v with %+v, want a StaleUserError with %+v", err, stale, want)
		}
		if got, err := f.findUser(t.Context(), byName(user)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got account %+v, error %v, want %+v", got, err, want)
		}
	})
}

func TestRecordLoginOfAChangedAccount(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		ended := newUser(t, "ended", "ended@example.com")
		ended.Epoch = 7
		disabled := newUser(t, "disabled", "disabled@example.com")
		disabled.Active = false
		for _, stored := range []account.User{ended, disabled} {
			if err := f.CreateAccount(t.Context(), stored, newSession(stored), newMail(stored)); err != nil {
				t.Fatal(err)
			}
			read := stored
			read.Epoch, read.Active, read.PasswordHash = 0, true, secret.New("as read before")
			_, err := f.RecordLogin(t.Context(), read, recorded(read))
			if stale, ok := errors.AsType[*account.StaleUserError](err); !ok || !reflect.DeepEqual(stale.Current, stored) {
				t.Errorf("%s: got error %v with %+v, want a StaleUserError with %+v", stored.Username.Typed, err, stale, stored)
			}
			if got, err := f.findUser(t.Context(), byName(stored)); err != nil || !reflect.DeepEqual(got, stored) {
				t.Errorf("%s: got account %+v, error %v, want %+v", stored.Username.Typed, got, err, stored)
			}
		}
	})
}

// TestRecordLoginOfAnAbsentAccount ensures that a login creates no account.
func TestRecordLoginOfAnAbsentAccount(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		absent := newUser(t, "absent", "absent@example.com")
		_, err := f.RecordLogin(t.Context(), absent, recorded(absent))
		if stale, ok := errors.AsType[*account.StaleUserError](err); !ok || !stale.Current.ID.IsZero() {
			t.Errorf("got error %v with %+v, want a StaleUserError without an account", err, stale)
		}
		wantItems(t, f, 0)
	})
}

func TestPutSession(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		user, first := create(t, f, "alice", "alice@example.com")
		second := newSession(user)
		if err := f.PutSession(t.Context(), second); err != nil {
			t.Fatal(err)
		}
		for _, stored := range []session.Session{first, second} {
			want := principals(session.Principal{User: user, Session: stored})
			if got, err := f.ReadSessions(t.Context(), []session.Ref{stored.Ref()}); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v, error %v, want %+v", got, err, want)
			}
		}
	})
}

func TestReadSeveralSessions(t *testing.T) {
	onEachEngine(t, func(t *testing.T, f fixture) {
		alice, first := create(t, f, "alice", "alice@example.com")
		bob, other := create(t, f, "bob", "bob@example.com")
		second := newSession(alice)
		if err := f.PutSession(t.Context(), second); err != nil {
			t.Fatal(err)
		}
		absent := session.Ref{User: bob.ID, Session: first.ID}
		refs := []session.Ref{other.Ref(), absent, second.Ref(), other.Ref(), first.Ref()}
		want := principals(
			session.Principal{User: bob, Session: other}, session.Principal{User: alice, Session: second}, session.Principal{User: alice, Session: first},
		)
		if got, err := f.ReadSessions(t.Context(), refs); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v: got %+v, error %v, want %+v", refs, got, err, want)
		}
	})
}

// TestKeysContainNoNames matters because logs and metrics of AWS can contain keys.
func TestKeysContainNoNames(t *testing.T) {
	f := onDynoxide(t)
	create(t, f, "alice", "alice@example.com")
	for _, key := range f.tables.Keys(t) {
		if strings.Contains(key, "alice") {
			t.Errorf("got key %s, want none that contains the name", key)
		}
	}
}

// TestUnits checks the calls and capacity units of the methods. It runs on the engine that reports units as AWS does.
func TestUnits(t *testing.T) {
	f := onDynoxide(t)
	user, sess := create(t, f, "pythonista", "pythonista@example.com")
	fresh, other := newUser(t, "fresh", "fresh@example.com"), newUser(t, "other", "other@example.com")
	firstUser, first := create(t, f, "first", "first@example.com")
	_, second := create(t, f, "second", "second@example.com")
	cookie := newCookieSession(user)
	if err := f.PutSession(t.Context(), cookie); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		call func() error
		want string
	}{
		"EnsureFree":               {func() error { return f.EnsureFree(t.Context(), other.Username, other.Email) }, "BatchGetItem r2 w0"},
		"CreateAccount":            {func() error { return f.CreateAccount(t.Context(), fresh, newSession(fresh), newMail(fresh)) }, "TransactWriteItems r0 w10"},
		"FindAccount and ReadUser": {func() error { _, err := f.findUser(t.Context(), byName(user)); return err }, "BatchGetItem r2 w0, GetItem r1 w0"},
		"the same, unknown":        {func() error { _, _ = f.findUser(t.Context(), account.LoginName{Canonical: "x"}); return nil }, "BatchGetItem r2 w0, GetItem r1 w0"},
		"RecordLogin":              {func() error { _, err := f.RecordLogin(t.Context(), user, recorded(user)); return err }, "UpdateItem r0 w1"},
		"RecordLogin, another hash": {func() error {
			_, err := f.RecordLogin(t.Context(), firstUser, signin.Recorded{At: now, Hash: secret.New("another")})
			return err
		}, "UpdateItem r0 w1"},
		"PutSession":           {func() error { return f.PutSession(t.Context(), newSession(user)) }, "PutItem r0 w1"},
		"ReadSessions":         {func() error { _, err := f.ReadSessions(t.Context(), []session.Ref{sess.Ref()}); return err }, "BatchGetItem r2 w0"},
		"ReadSessions, absent": {func() error { _, err := f.ReadSessions(t.Context(), []session.Ref{{User: user.ID}}); return err }, "BatchGetItem r2 w0"},
		"ReadUser":             {func() error { _, err := f.ReadUser(t.Context(), user.ID); return err }, "GetItem r1 w0"},
		"RotateSession":        {func() error { _, err := f.RotateSession(t.Context(), rotation(first)); return err }, "UpdateItem r0 w1"},
		"RenewSession":         {func() error { return f.RenewSession(t.Context(), renewal(cookie)) }, "UpdateItem r0 w1"},
		"ListSessions":         {func() error { _, err := f.ListSessions(t.Context(), user.ID); return err }, "Query r1 w0"},
		"SetSessionsLeft":      {func() error { return f.SetSessionsLeft(t.Context(), second.User, 49, 50) }, "UpdateItem r0 w1"},
		"QueueMail":            {func() error { return f.QueueMail(t.Context(), newMail(user)) }, "PutItem r0 w1"},
		"ReadMail":             {func() error { _, _ = f.ReadMail(t.Context(), user.ID); return nil }, "GetItem r1 w0"},
		"ReadMailAndSessions":  {func() error { _, _, _ = f.ReadMailAndSessions(t.Context(), user.ID, nil); return nil }, "BatchGetItem r1 w0"},
		"ReadMailAndSessions, with a session": {func() error {
			_, _, _ = f.ReadMailAndSessions(t.Context(), user.ID, []session.Ref{sess.Ref()})
			return nil
		}, "BatchGetItem r3 w0"},
		"EndSession": {func() error { return f.EndSession(t.Context(), second.Ref()) }, "DeleteItem r0 w1"},
		"Ping":       {func() error { return f.Ping(t.Context()) }, "GetItem r0.5 w0"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f.tap.Reset()
			if err := test.call(); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, call := range f.tap.Calls() {
				got = append(got, fmt.Sprintf("%s r%v w%v", call.Operation, call.Read, call.Write))
			}
			if strings.Join(got, ", ") != test.want {
				t.Errorf("got calls %v, want %s", got, test.want)
			}
		})
	}
}
