package ruletests

import (
	"sync"
	"testing"
	"time"

	"latchkey/infra/testkit/wiretap"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
	"latchkey/pkg/signin"
)

// storedSessions returns the number of alice's sessions in the store.
func (f *fixture) storedSessions(t *testing.T) int {
	t.Helper()
	sessions, err := f.store.ListSessions(t.Context(), f.user(t, "alice").ID)
	if err != nil {
		t.Fatal(err)
	}
	return len(sessions)
}

func TestTheOldestSessionEndsAtTheLimit(t *testing.T) {
	f := newFixture(t)
	oldest := f.register(t, "alice", "alice@example.com")
	var second secret.String
	for i := range 49 {
		f.clock = f.clock.Add(time.Second)
		cookie := f.mustCookieLogin(t, "alice")
		if i == 0 {
			second = cookie
		}
	}
	if _, err := f.authenticate(t, oldest); err != nil || f.storedSessions(t) != 50 {
		t.Fatalf("with 50 sessions: got the error %v for the oldest and %d stored, want none and 50", err, f.storedSessions(t))
	}
	f.clock = f.clock.Add(time.Second)
	newest := f.mustLogin(t, "alice")
	if _, err := f.authenticate(t, oldest); err == nil || f.storedSessions(t) != 50 {
		t.Errorf("with one more: got the error %v for the oldest and %d stored, want an error and 50", err, f.storedSessions(t))
	}
	if _, err := f.authenticateWith(t, secret.String{}, second); err != nil {
		t.Errorf("the second oldest: got the error %v, want none", err)
	}
	if _, err := f.authenticate(t, newest); err != nil {
		t.Errorf("the newest: got the error %v, want none", err)
	}
	f.clock = f.clock.Add(f.lives.CookieIdle)
	f.mustLogin(t, "alice")
	if user := f.user(t, "alice"); f.storedSessions(t) != 1 || user.SessionsLeft != 10 {
		t.Errorf("once all have expired: got %d stored and %d left, want 1 and 10", f.storedSessions(t), user.SessionsLeft)
	}
}

// TestManyLoginsAtOnceAtTheLimit shows that concurrent logins exceed the limit by at most one session each, and that the next
// login restores it.
func TestManyLoginsAtOnceAtTheLimit(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "alice@example.com")
	for range 48 {
		f.mustCookieLogin(t, "alice")
	}
	if left := f.user(t, "alice").SessionsLeft; left != 1 {
		t.Fatalf("the sessions left: got %d, want 1", left)
	}
	const callers = 32
	devices := make([]secret.String, callers) // unknown devices would have to wait for one another
	for i := range devices {
		devices[i] = f.deviceOf(t, "alice")
	}
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			req := attempt("alice", goodPassword)
			req.Device = devices[i]
			var err error
			if i%2 == 0 {
				_, err = f.login().CookieLogin(t.Context(), req)
			} else {
				_, err = f.login().Login(t.Context(), req)
			}
			if err != nil {
				t.Errorf("a concurrent login: got the error %v, want none", err)
			}
		})
	}
	all.Wait()
	if stored := f.storedSessions(t); stored > 50+callers || stored < 50 {
		t.Errorf("the stored sessions: got %d, want 50 to %d", stored, 50+callers)
	}
	f.clock = f.clock.Add(time.Second)
	last := f.mustLogin(t, "alice")
	if stored := f.storedSessions(t); stored != 50 {
		t.Errorf("the stored sessions after the next login: got %d, want 50", stored)
	}
	if _, err := f.authenticate(t, last); err != nil {
		t.Errorf("the session of the next login: got the error %v, want none", err)
	}
}

// TestLoginsThatASweepMisses holds logins back after they were recorded and before they store their sessions. A sweep in between
// cannot see these sessions, and later sweeps end the excess.
func TestLoginsThatASweepMisses(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "alice@example.com")
	for range 17 {
		f.mustCookieLogin(t, "alice")
	}
	const held = 31 // of the 32 sessions left
	release, holding := make(chan struct{}), make(chan struct{}, held)
	var all sync.WaitGroup
	for range held {
		store := &beforePutSession{LoginStore: f.store, hook: func() {
			holding <- struct{}{}
			<-release
		}}
		login := signin.NewLogin(store, f.hasher, f.guard(), f.pairs(), f.cookies(), f.now)
		req := attempt("alice", goodPassword)
		req.Device = f.deviceOf(t, "alice")
		all.Go(func() {
			if _, err := login.Login(t.Context(), req); err != nil {
				t.Errorf("a concurrent login: got the error %v, want none", err)
			}
		})
	}
	for range held {
		<-holding
	}
	f.mustLogin(t, "alice") // sweeps
	close(release)
	all.Wait()
	for range 10 {
		f.clock = f.clock.Add(time.Second)
		f.mustLogin(t, "alice")
		if stored := f.storedSessions(t); stored > 60 {
			t.Errorf("the stored sessions after a login: got %d, want at most 60", stored)
		}
	}
	if stored := f.storedSessions(t); stored != 50 {
		t.Errorf("the stored sessions after 10 logins: got %d, want 50", stored)
	}
}

// TestAFailedSweepFailsNoLogin also shows that the next login sweeps again.
func TestAFailedSweepFailsNoLogin(t *testing.T) {
	for _, operation := range []string{"Query", "DeleteItem", "UpdateItem"} {
		t.Run(operation, func(t *testing.T) {
			f := newFixture(t)
			f.register(t, "alice", "alice@example.com")
			for range 49 {
				f.clock = f.clock.Add(time.Second)
				f.mustCookieLogin(t, "alice")
			}
			skip := 0
			if operation == "UpdateItem" {
				skip = 1 // the first one records the login
			}
			f.clock = f.clock.Add(time.Second)
			f.tap.Inject(operation, skip, 1, wiretap.AccessDenied)
			if _, err := f.authenticate(t, f.mustLogin(t, "alice")); err != nil {
				t.Errorf("the session of the login: got the error %v, want none", err)
			}
			f.tap.Reset()
			f.clock = f.clock.Add(time.Second)
			if _, err := f.authenticate(t, f.mustLogin(t, "alice")); err != nil || f.storedSessions(t) != 50 {
				t.Errorf("the next login: got the error %v and %d stored sessions, want none and 50", err, f.storedSessions(t))
			}
		})
	}
}

// TestASweepSparesSessionsOfALaterEpoch starts such a session after the sweeping login has read the account.
func TestASweepSparesSessionsOfALaterEpoch(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "alice@example.com")
	f.setUser(t, "alice", attributes{"room": number("1")})
	var later session.Pair
	store := &beforePutSession{LoginStore: f.store, hook: func() {
		f.setUser(t, "alice", attributes{"epoch": number("1")})
		later = f.mustLogin(t, "alice")
	}}
	login := signin.NewLogin(store, f.hasher, f.guard(), f.pairs(), f.cookies(), f.now)
	if _, err := login.Login(t.Context(), attempt("alice", goodPassword)); err != nil {
		t.Fatal(err)
	}
	if _, err := f.authenticate(t, later); err != nil {
		t.Errorf("the session of the later epoch: got the error %v, want none", err)
	}
}
