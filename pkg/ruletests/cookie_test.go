package ruletests

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"latchkey/infra/testkit/wiretap"
	"latchkey/pkg/account"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
	"latchkey/pkg/signin"
)

func (f *fixture) mustCookieLogin(t *testing.T, name string) secret.String {
	t.Helper()
	cookie, _, err := f.login().CookieLogin(t.Context(), attempt(name, goodPassword))
	if err != nil {
		t.Fatal(err)
	}
	return cookie
}

func (f *fixture) authenticateWith(t *testing.T, access, cookie secret.String) (session.Authentication, error) {
	t.Helper()
	return f.admit(t.Context(), session.Credentials{Access: access, Cookie: cookie})
}

func TestCookieLogin(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "alice@example.com")
	first, second := f.mustCookieLogin(t, "alice"), f.mustCookieLogin(t, "alice")
	if first == second {
		t.Error("two logins have one cookie")
	}
	for _, cookie := range []secret.String{first, second} {
		identity, err := f.authenticateWith(t, secret.String{}, cookie)
		if err != nil || identity.User.Username.Typed != "alice" || identity.Cookie != session.CookieLive {
			t.Errorf("the cookie gives %+v, error %v", identity, err)
		}
	}
	if _, _, err := f.login().CookieLogin(t.Context(), attempt("alice", "wrong")); !errors.Is(err, account.ErrInvalidCredentials) {
		t.Errorf("a wrong password: %v", err)
	}
}

func TestCookiesThatOpenNothing(t *testing.T) {
	f := newFixture(t)
	pair := f.register(t, "alice", "alice@example.com")
	cookie := f.mustCookieLogin(t, "alice").Reveal()
	value, err := base64.RawURLEncoding.DecodeString(cookie)
	if err != nil {
		t.Fatal(err)
	}
	flipped := func(at int) string {
		changed := append([]byte(nil), value...)
		changed[at] ^= 1
		return base64.RawURLEncoding.EncodeToString(changed)
	}
	other, err := base64.RawURLEncoding.DecodeString(f.mustCookieLogin(t, "alice").Reveal())
	if err != nil {
		t.Fatal(err)
	}
	claims := f.claims(t, pair)
	ofTokens := append(append(claims.Subject[:], claims.Session[:]...), make([]byte, 32)...)
	tests := map[string]struct {
		cookie string
		calls  int
	}{
		"garbage":                    {"garbage", 0},
		"too short":                  {cookie[:len(cookie)-1], 0},
		"too long":                   {cookie + "A", 0},
		"padded":                     {cookie[:len(cookie)-1] + "=", 0},
		"a line break in it":         {cookie[:len(cookie)-1] + "\n", 0},
		"other spelling of the last": {lastBitSet(cookie), 0},
		"the access token":           {pair.Access.Reveal(), 0},
		"the refresh token":          {pair.Refresh.Reveal(), 0},
		"another user":               {flipped(0), 1},
		"another session":            {flipped(16), 1},
		"first bit of the secret":    {flipped(32), 1},
		"last bit of the secret":     {flipped(63), 1},
		"another session's secret":   {base64.RawURLEncoding.EncodeToString(append(value[:32:32], other[32:]...)), 1},
		"a token session's id":       {base64.RawURLEncoding.EncodeToString(ofTokens), 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f.tap.Reset()
			if _, err := f.authenticateWith(t, secret.String{}, secret.New(test.cookie)); !errors.Is(err, session.ErrAuthenticationRequired) {
				t.Errorf("the error is %v", err)
			}
			if calls := len(f.tap.Calls()); calls != test.calls {
				t.Errorf("%d store calls", calls)
			}
		})
	}
	if _, err := f.authenticateWith(t, secret.String{}, secret.New(cookie)); err != nil {
		t.Errorf("the cookie itself: %v", err)
	}
}

// lastBitSet changes a bit of the last character that no byte has: another spelling of the same bytes.
func lastBitSet(cookie string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, cookie[len(cookie)-1])
	return cookie[:len(cookie)-1] + string(alphabet[last^1])
}

// TestOrderOfCredentials: the bearer's user if that counts, else the cookie's; one read for both.
func TestOrderOfCredentials(t *testing.T) {
	f := newFixture(t)
	alice := f.register(t, "alice", "alice@example.com").Access
	f.register(t, "bob", "bob@example.com")
	bob := f.mustCookieLogin(t, "bob")
	tests := map[string]struct {
		access, cookie secret.String
		want           string
		state          session.CookieState
	}{
		"both good":                 {alice, bob, "alice", session.CookieLive},
		"bad bearer, good cookie":   {secret.New("bad"), bob, "bob", session.CookieLive},
		"good bearer, bad cookie":   {alice, secret.New("bad"), "alice", session.CookieDead},
		"no bearer, good cookie":    {secret.String{}, bob, "bob", session.CookieLive},
		"good bearer, no cookie":    {alice, secret.String{}, "alice", session.CookieAbsent},
		"a cookie as a bearer":      {bob, bob, "bob", session.CookieLive},
		"both bad":                  {secret.New("bad"), secret.New("bad"), "", 0},
		"each in the other's place": {bob, alice, "", 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f.tap.Reset()
			identity, err := f.authenticateWith(t, test.access, test.cookie)
			if got := identity.User.Username.Typed; got != test.want || (err == nil) != (test.want != "") || identity.Cookie != test.state {
				t.Errorf("the caller is %q with cookie state %v, error %v", got, identity.Cookie, err)
			}
			if calls := len(f.tap.Calls()); calls > 1 {
				t.Errorf("%d store calls", calls)
			}
		})
	}
}

func TestACookieSessionEnds(t *testing.T) {
	tests := map[string]func(f *fixture, t *testing.T, cookie secret.String){
		"logged out": func(f *fixture, t *testing.T, cookie secret.String) {
			if err := f.logOut(t.Context(), session.Credentials{Cookie: cookie}, secret.String{}); err != nil {
				t.Fatal(err)
			}
		},
		"epoch raised": func(f *fixture, t *testing.T, _ secret.String) {
			f.setUser(t, "alice", attributes{"epoch": number("1")})
		},
		"disabled": func(f *fixture, t *testing.T, _ secret.String) {
			f.setUser(t, "alice", attributes{"active": boolean(false)})
		},
		"idle": func(f *fixture, _ *testing.T, _ secret.String) { f.clock = f.clock.Add(f.lives.CookieIdle) },
	}
	for name, end := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.register(t, "alice", "alice@example.com")
			cookie, other := f.mustCookieLogin(t, "alice"), f.mustCookieLogin(t, "alice")
			end(f, t, cookie)
			for range 2 {
				if _, err := f.authenticateWith(t, secret.String{}, cookie); !errors.Is(err, session.ErrAuthenticationRequired) {
					t.Errorf("the error is %v", err)
				}
			}
			if _, err := f.authenticateWith(t, secret.String{}, other); (err == nil) != (name == "logged out") {
				t.Errorf("the other cookie: %v", err)
			}
		})
	}
}

func TestUseContinuesACookieSessionUntilItsAbsoluteEnd(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "alice@example.com")
	cookie := f.mustCookieLogin(t, "alice")
	end := f.clock.Truncate(time.Second).Add(f.lives.CookieAbsolute)
	for step := 20 * time.Hour; f.clock.Add(step).Before(end); {
		f.clock = f.clock.Add(step)
		if identity, err := f.authenticateWith(t, secret.String{}, cookie); err != nil || identity.Cookie != session.CookieRenewed {
			t.Fatalf("at %v: %v, error %v", f.clock, identity.Cookie, err)
		}
	}
	f.clock = end
	if _, err := f.authenticateWith(t, secret.String{}, cookie); !errors.Is(err, session.ErrAuthenticationRequired) {
		t.Errorf("at its absolute end: %v", err)
	}
}

func TestACookieSessionIsContinuedHourlyAtMost(t *testing.T) {
	for name, test := range map[string]struct{ idle, due time.Duration }{
		"hourly":                   {24 * time.Hour, time.Hour},
		"a quarter of a short one": {20 * time.Minute, 5 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.lives.CookieIdle = test.idle
			f.register(t, "alice", "alice@example.com")
			cookie := f.mustCookieLogin(t, "alice")
			f.clock = f.clock.Truncate(time.Millisecond)
			for _, step := range []struct {
				pass  time.Duration
				state session.CookieState
				calls int
			}{
				{test.due - time.Millisecond, session.CookieLive, 1},
				{time.Millisecond, session.CookieRenewed, 2},
				{0, session.CookieLive, 1},
				{test.due, session.CookieRenewed, 2},
			} {
				f.clock = f.clock.Add(step.pass)
				f.tap.Reset()
				identity, err := f.authenticateWith(t, secret.String{}, cookie)
				if calls := len(f.tap.Calls()); err != nil || identity.Cookie != step.state || calls != step.calls {
					t.Errorf("%+v: %v, %d calls, error %v", step, identity.Cookie, calls, err)
				}
			}
		})
	}
}

// TestARenewalThatFailsFailsNoRequest, and one whose answer was lost is done.
func TestARenewalThatFailsFailsNoRequest(t *testing.T) {
	for name, test := range map[string]struct {
		times int
		fault wiretap.Fault
		state session.CookieState
	}{
		"lost answer":    {1, wiretap.LoseAnswer, session.CookieRenewed},
		"a broken table": {1, wiretap.AccessDenied, session.CookieLive},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.register(t, "alice", "alice@example.com")
			cookie := f.mustCookieLogin(t, "alice")
			f.clock = f.clock.Add(2 * time.Hour)
			f.tap.Inject("UpdateItem", 0, test.times, test.fault)
			if identity, err := f.authenticateWith(t, secret.String{}, cookie); err != nil || identity.Cookie != test.state {
				t.Errorf("%v, error %v", identity.Cookie, err)
			}
		})
	}
}

// TestALogoutIsNotUndoneByARenewal of a request that had read the session before.
func TestALogoutIsNotUndoneByARenewal(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "alice@example.com")
	cookie := f.mustCookieLogin(t, "alice")
	f.clock = f.clock.Add(2 * time.Hour)
	store := &beforeRenewSession{Store: f.store, hook: func() {
		if err := f.logOut(t.Context(), session.Credentials{Cookie: cookie}, secret.String{}); err != nil {
			t.Error(err)
		}
	}}
	authenticator := session.NewAuthenticator(store, f.authority, f.cookies(), f.now)
	identity, err := admitBy(t.Context(), authenticator, session.Credentials{Cookie: cookie})
	if err != nil || identity.Cookie != session.CookieLive {
		t.Errorf("the request that came first: %v, error %v", identity.Cookie, err)
	}
	if _, err := f.authenticateWith(t, secret.String{}, cookie); !errors.Is(err, session.ErrAuthenticationRequired) {
		t.Errorf("the session is back: %v", err)
	}
}

// TestLogoutByCookieAndTokens ends all that is named.
func TestLogoutByCookieAndTokens(t *testing.T) {
	f := newFixture(t)
	pair, bobs := f.register(t, "alice", "alice@example.com"), f.register(t, "bob", "bob@example.com")
	cookie := f.mustCookieLogin(t, "alice")
	if err := f.logOut(t.Context(), session.Credentials{Access: pair.Access, Cookie: cookie}, bobs.Refresh); err != nil {
		t.Fatal(err)
	}
	f.checkEnded(t, pair)
	f.checkEnded(t, bobs)
	if _, err := f.authenticateWith(t, secret.String{}, cookie); !errors.Is(err, session.ErrAuthenticationRequired) {
		t.Errorf("the cookie: %v", err)
	}
}

// stored counts the sessions of alice in the store.
func (f *fixture) storedSessions(t *testing.T) int {
	t.Helper()
	sessions, err := f.store.ListSessions(t.Context(), f.user(t, "alice").ID)
	if err != nil {
		t.Fatal(err)
	}
	return len(sessions)
}

func TestTheOldestSessionGivesWay(t *testing.T) {
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
		t.Fatalf("with 50 sessions the oldest: %v; stored are %d", err, f.storedSessions(t))
	}
	f.clock = f.clock.Add(time.Second)
	newest := f.mustLogin(t, "alice")
	if _, err := f.authenticate(t, oldest); err == nil || f.storedSessions(t) != 50 {
		t.Errorf("with one more the oldest: %v; stored are %d", err, f.storedSessions(t))
	}
	if _, err := f.authenticateWith(t, secret.String{}, second); err != nil {
		t.Errorf("the second oldest: %v", err)
	}
	if _, err := f.authenticate(t, newest); err != nil {
		t.Errorf("the newest: %v", err)
	}
	f.clock = f.clock.Add(f.lives.CookieIdle)
	f.mustLogin(t, "alice")
	if user := f.user(t, "alice"); f.storedSessions(t) != 1 || user.SessionsLeft != 10 {
		t.Errorf("after all have expired %d are stored, room %d", f.storedSessions(t), user.SessionsLeft)
	}
}

// TestManyLoginsAtOnceWithoutRoom: at most one more for each of them, and the next login puts things right.
func TestManyLoginsAtOnceWithoutRoom(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "alice@example.com")
	for range 48 {
		f.mustCookieLogin(t, "alice")
	}
	if room := f.user(t, "alice").SessionsLeft; room != 1 {
		t.Fatalf("the room is %d", room)
	}
	const callers = 32
	devices := make([]secret.String, callers) // strangers would have to wait for one another
	for i := range devices {
		devices[i] = f.deviceOf(t, "alice")
	}
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			asked := attempt("alice", goodPassword)
			asked.Device = devices[i]
			var err error
			if i%2 == 0 {
				_, _, err = f.login().CookieLogin(t.Context(), asked)
			} else {
				_, _, err = f.login().Login(t.Context(), asked)
			}
			if err != nil {
				t.Errorf("logging in: %v", err)
			}
		})
	}
	all.Wait()
	if stored := f.storedSessions(t); stored > 50+callers || stored < 50 {
		t.Errorf("%d sessions are stored", stored)
	}
	f.clock = f.clock.Add(time.Second)
	last := f.mustLogin(t, "alice")
	if stored := f.storedSessions(t); stored != 50 {
		t.Errorf("after the next login %d sessions are stored", stored)
	}
	if _, err := f.authenticate(t, last); err != nil {
		t.Errorf("the next login: %v", err)
	}
}

// TestLoginsThatASweepDoesNotSee are made up for: those under way during a sweep had found room.
func TestLoginsThatASweepDoesNotSee(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "alice@example.com")
	for range 17 {
		f.mustCookieLogin(t, "alice")
	}
	const held = 31 // of the room of 32
	release, holding := make(chan struct{}), make(chan struct{}, held)
	var all sync.WaitGroup
	for range held {
		store := &beforePutSession{LoginStore: f.store, hook: func() {
			holding <- struct{}{}
			<-release
		}}
		login := signin.NewLogin(store, f.hasher, f.guard(), f.pairs(), f.cookies(), f.now, f.logger())
		asked := attempt("alice", goodPassword)
		asked.Device = f.deviceOf(t, "alice")
		all.Go(func() {
			if _, _, err := login.Login(t.Context(), asked); err != nil {
				t.Errorf("logging in: %v", err)
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
			t.Errorf("%d sessions are stored", stored)
		}
	}
	if stored := f.storedSessions(t); stored != 50 {
		t.Errorf("in the end %d sessions are stored", stored)
	}
}

// TestASweepThatFailsFailsNoLogin, and the next login makes up for it.
func TestASweepThatFailsFailsNoLogin(t *testing.T) {
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
				skip = 1 // the login's own
			}
			f.clock = f.clock.Add(time.Second)
			f.tap.Inject(operation, skip, 1, wiretap.AccessDenied)
			if _, err := f.authenticate(t, f.mustLogin(t, "alice")); err != nil {
				t.Errorf("the login: %v", err)
			}
			f.tap.Reset()
			f.clock = f.clock.Add(time.Second)
			if _, err := f.authenticate(t, f.mustLogin(t, "alice")); err != nil || f.storedSessions(t) != 50 {
				t.Errorf("the next login: %v; stored are %d", err, f.storedSessions(t))
			}
		})
	}
}

// TestASweepSparesSessionsOfALaterEpoch: they began after the sweeping login had read the account.
func TestASweepSparesSessionsOfALaterEpoch(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "alice@example.com")
	f.setUser(t, "alice", attributes{"room": number("1")})
	var later session.Pair
	store := &beforePutSession{LoginStore: f.store, hook: func() {
		f.setUser(t, "alice", attributes{"epoch": number("1")})
		later = f.mustLogin(t, "alice")
	}}
	login := signin.NewLogin(store, f.hasher, f.guard(), f.pairs(), f.cookies(), f.now, f.logger())
	if _, _, err := login.Login(t.Context(), attempt("alice", goodPassword)); err != nil {
		t.Fatal(err)
	}
	if _, err := f.authenticate(t, later); err != nil {
		t.Errorf("the session of the later epoch: %v", err)
	}
}

// TestNothingStoredOpensAnything looks for every token, cookie and password in both tables.
func TestNothingStoredOpensAnything(t *testing.T) {
	f := newFixture(t)
	pair := f.register(t, "alice", "alice@example.com")
	next := f.mustRefresh(t, pair)
	cookie := f.mustCookieLogin(t, "alice").Reveal()
	raw, err := base64.RawURLEncoding.DecodeString(cookie)
	if err != nil {
		t.Fatal(err)
	}
	stored := f.dump(t)
	for name, opener := range map[string]string{
		"password": goodPassword, "access token": pair.Access.Reveal(), "refresh token": pair.Refresh.Reveal(),
		"next access token": next.Access.Reveal(), "next refresh token": next.Refresh.Reveal(),
		"cookie": cookie, "the cookie's secret": string(raw[32:]), "its text": cookie[43:],
	} {
		if strings.Contains(stored, opener) {
			t.Errorf("the tables hold the %s", name)
		}
	}
}

// dump is all attribute values of both tables.
func (f *fixture) dump(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, table := range []string{f.tables.Users, f.tables.Sessions} {
		for _, item := range f.tables.Items(t, table) {
			for name, value := range item {
				switch value := value.(type) {
				case *types.AttributeValueMemberS:
					fmt.Fprintln(&all, name, value.Value)
				case *types.AttributeValueMemberB:
					fmt.Fprintln(&all, name, string(value.Value), base64.RawURLEncoding.EncodeToString(value.Value))
				}
			}
		}
	}
	return all.String()
}
