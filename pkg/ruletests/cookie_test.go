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

func (h *house) cookieSignIn(t *testing.T, name string) secret.String {
	t.Helper()
	cookie, _, err := h.login().CookieLogin(t.Context(), signIn(name, goodPassword))
	if err != nil {
		t.Fatal(err)
	}
	return cookie
}

func (h *house) show(t *testing.T, access, cookie secret.String) (session.Authentication, error) {
	t.Helper()
	return h.admit(t.Context(), session.Credentials{Access: access, Cookie: cookie})
}

func TestCookieLogin(t *testing.T) {
	h := newHouse(t)
	h.register(t, "alice", "alice@example.com")
	first, second := h.cookieSignIn(t, "alice"), h.cookieSignIn(t, "alice")
	if first == second {
		t.Error("two logins have one cookie")
	}
	for _, cookie := range []secret.String{first, second} {
		identity, err := h.show(t, secret.String{}, cookie)
		if err != nil || identity.User.Username.Typed != "alice" || identity.Cookie != session.CookieLive {
			t.Errorf("the cookie gives %+v, error %v", identity, err)
		}
	}
	if _, _, err := h.login().CookieLogin(t.Context(), signIn("alice", "wrong")); !errors.Is(err, account.ErrInvalidCredentials) {
		t.Errorf("a wrong password: %v", err)
	}
}

func TestCookiesThatOpenNothing(t *testing.T) {
	h := newHouse(t)
	pair := h.register(t, "alice", "alice@example.com")
	cookie := h.cookieSignIn(t, "alice").Reveal()
	value, err := base64.RawURLEncoding.DecodeString(cookie)
	if err != nil {
		t.Fatal(err)
	}
	flipped := func(at int) string {
		changed := append([]byte(nil), value...)
		changed[at] ^= 1
		return base64.RawURLEncoding.EncodeToString(changed)
	}
	other, err := base64.RawURLEncoding.DecodeString(h.cookieSignIn(t, "alice").Reveal())
	if err != nil {
		t.Fatal(err)
	}
	claims := h.claims(t, pair)
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
			h.tap.Reset()
			if _, err := h.show(t, secret.String{}, secret.New(test.cookie)); !errors.Is(err, session.ErrAuthenticationRequired) {
				t.Errorf("the error is %v", err)
			}
			if calls := len(h.tap.Calls()); calls != test.calls {
				t.Errorf("%d store calls", calls)
			}
		})
	}
	if _, err := h.show(t, secret.String{}, secret.New(cookie)); err != nil {
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
	h := newHouse(t)
	alice := h.register(t, "alice", "alice@example.com").Access
	h.register(t, "bob", "bob@example.com")
	bob := h.cookieSignIn(t, "bob")
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
			h.tap.Reset()
			identity, err := h.show(t, test.access, test.cookie)
			if got := identity.User.Username.Typed; got != test.want || (err == nil) != (test.want != "") || identity.Cookie != test.state {
				t.Errorf("the caller is %q with cookie state %v, error %v", got, identity.Cookie, err)
			}
			if calls := len(h.tap.Calls()); calls > 1 {
				t.Errorf("%d store calls", calls)
			}
		})
	}
}

func TestACookieSessionEnds(t *testing.T) {
	tests := map[string]func(h *house, t *testing.T, cookie secret.String){
		"logged out": func(h *house, t *testing.T, cookie secret.String) {
			if err := h.endSessions(t.Context(), session.Credentials{Cookie: cookie}, secret.String{}); err != nil {
				t.Fatal(err)
			}
		},
		"epoch raised": func(h *house, t *testing.T, _ secret.String) { h.change(t, "alice", changes{"epoch": number("1")}) },
		"disabled":     func(h *house, t *testing.T, _ secret.String) { h.change(t, "alice", changes{"active": boolean(false)}) },
		"idle":         func(h *house, _ *testing.T, _ secret.String) { h.clock = h.clock.Add(h.lives.CookieIdle) },
	}
	for name, end := range tests {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.register(t, "alice", "alice@example.com")
			cookie, other := h.cookieSignIn(t, "alice"), h.cookieSignIn(t, "alice")
			end(h, t, cookie)
			for range 2 {
				if _, err := h.show(t, secret.String{}, cookie); !errors.Is(err, session.ErrAuthenticationRequired) {
					t.Errorf("the error is %v", err)
				}
			}
			if _, err := h.show(t, secret.String{}, other); (err == nil) != (name == "logged out") {
				t.Errorf("the other cookie: %v", err)
			}
		})
	}
}

func TestUseContinuesACookieSessionUntilItsAbsoluteEnd(t *testing.T) {
	h := newHouse(t)
	h.register(t, "alice", "alice@example.com")
	cookie := h.cookieSignIn(t, "alice")
	end := h.clock.Truncate(time.Second).Add(h.lives.CookieAbsolute)
	for step := 20 * time.Hour; h.clock.Add(step).Before(end); {
		h.clock = h.clock.Add(step)
		if identity, err := h.show(t, secret.String{}, cookie); err != nil || identity.Cookie != session.CookieRenewed {
			t.Fatalf("at %v: %v, error %v", h.clock, identity.Cookie, err)
		}
	}
	h.clock = end
	if _, err := h.show(t, secret.String{}, cookie); !errors.Is(err, session.ErrAuthenticationRequired) {
		t.Errorf("at its absolute end: %v", err)
	}
}

func TestACookieSessionIsContinuedHourlyAtMost(t *testing.T) {
	for name, test := range map[string]struct{ idle, due time.Duration }{
		"hourly":                   {24 * time.Hour, time.Hour},
		"a quarter of a short one": {20 * time.Minute, 5 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.lives.CookieIdle = test.idle
			h.register(t, "alice", "alice@example.com")
			cookie := h.cookieSignIn(t, "alice")
			h.clock = h.clock.Truncate(time.Millisecond)
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
				h.clock = h.clock.Add(step.pass)
				h.tap.Reset()
				identity, err := h.show(t, secret.String{}, cookie)
				if calls := len(h.tap.Calls()); err != nil || identity.Cookie != step.state || calls != step.calls {
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
			h := newHouse(t)
			h.register(t, "alice", "alice@example.com")
			cookie := h.cookieSignIn(t, "alice")
			h.clock = h.clock.Add(2 * time.Hour)
			h.tap.Inject("UpdateItem", 0, test.times, test.fault)
			if identity, err := h.show(t, secret.String{}, cookie); err != nil || identity.Cookie != test.state {
				t.Errorf("%v, error %v", identity.Cookie, err)
			}
		})
	}
}

// TestALogoutIsNotUndoneByARenewal of a request that had read the session before.
func TestALogoutIsNotUndoneByARenewal(t *testing.T) {
	h := newHouse(t)
	h.register(t, "alice", "alice@example.com")
	cookie := h.cookieSignIn(t, "alice")
	h.clock = h.clock.Add(2 * time.Hour)
	store := &interruptedStore{Store: h.store, meanwhile: func() {
		if err := h.endSessions(t.Context(), session.Credentials{Cookie: cookie}, secret.String{}); err != nil {
			t.Error(err)
		}
	}}
	authenticator := session.NewAuthenticator(store, h.authority, h.cookies(), h.now)
	identity, err := admitBy(t.Context(), authenticator, session.Credentials{Cookie: cookie})
	if err != nil || identity.Cookie != session.CookieLive {
		t.Errorf("the request that came first: %v, error %v", identity.Cookie, err)
	}
	if _, err := h.show(t, secret.String{}, cookie); !errors.Is(err, session.ErrAuthenticationRequired) {
		t.Errorf("the session is back: %v", err)
	}
}

// TestLogoutByCookieAndTokens ends all that is named.
func TestLogoutByCookieAndTokens(t *testing.T) {
	h := newHouse(t)
	pair, bobs := h.register(t, "alice", "alice@example.com"), h.register(t, "bob", "bob@example.com")
	cookie := h.cookieSignIn(t, "alice")
	if err := h.endSessions(t.Context(), session.Credentials{Access: pair.Access, Cookie: cookie}, bobs.Refresh); err != nil {
		t.Fatal(err)
	}
	h.ended(t, pair)
	h.ended(t, bobs)
	if _, err := h.show(t, secret.String{}, cookie); !errors.Is(err, session.ErrAuthenticationRequired) {
		t.Errorf("the cookie: %v", err)
	}
}

// stored counts the sessions of alice in the store.
func (h *house) stored(t *testing.T) int {
	t.Helper()
	sessions, err := h.store.ListSessions(t.Context(), h.user(t, "alice").ID)
	if err != nil {
		t.Fatal(err)
	}
	return len(sessions)
}

func TestTheOldestSessionGivesWay(t *testing.T) {
	h := newHouse(t)
	oldest := h.register(t, "alice", "alice@example.com")
	var second secret.String
	for i := range 49 {
		h.clock = h.clock.Add(time.Second)
		cookie := h.cookieSignIn(t, "alice")
		if i == 0 {
			second = cookie
		}
	}
	if _, err := h.authenticate(t, oldest); err != nil || h.stored(t) != 50 {
		t.Fatalf("with 50 sessions the oldest: %v; stored are %d", err, h.stored(t))
	}
	h.clock = h.clock.Add(time.Second)
	newest := h.signIn(t, "alice")
	if _, err := h.authenticate(t, oldest); err == nil || h.stored(t) != 50 {
		t.Errorf("with one more the oldest: %v; stored are %d", err, h.stored(t))
	}
	if _, err := h.show(t, secret.String{}, second); err != nil {
		t.Errorf("the second oldest: %v", err)
	}
	if _, err := h.authenticate(t, newest); err != nil {
		t.Errorf("the newest: %v", err)
	}
	h.clock = h.clock.Add(h.lives.CookieIdle)
	h.signIn(t, "alice")
	if user := h.user(t, "alice"); h.stored(t) != 1 || user.SessionsLeft != 10 {
		t.Errorf("after all have expired %d are stored, room %d", h.stored(t), user.SessionsLeft)
	}
}

// TestManyLoginsAtOnceWithoutRoom: at most one more for each of them, and the next login puts things right.
func TestManyLoginsAtOnceWithoutRoom(t *testing.T) {
	h := newHouse(t)
	h.register(t, "alice", "alice@example.com")
	for range 48 {
		h.cookieSignIn(t, "alice")
	}
	if room := h.user(t, "alice").SessionsLeft; room != 1 {
		t.Fatalf("the room is %d", room)
	}
	const callers = 32
	devices := make([]secret.String, callers) // strangers would have to wait for one another
	for i := range devices {
		devices[i] = h.deviceOf(t, "alice")
	}
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			asked := signIn("alice", goodPassword)
			asked.Device = devices[i]
			var err error
			if i%2 == 0 {
				_, _, err = h.login().CookieLogin(t.Context(), asked)
			} else {
				_, _, err = h.login().Login(t.Context(), asked)
			}
			if err != nil {
				t.Errorf("logging in: %v", err)
			}
		})
	}
	all.Wait()
	if stored := h.stored(t); stored > 50+callers || stored < 50 {
		t.Errorf("%d sessions are stored", stored)
	}
	h.clock = h.clock.Add(time.Second)
	last := h.signIn(t, "alice")
	if stored := h.stored(t); stored != 50 {
		t.Errorf("after the next login %d sessions are stored", stored)
	}
	if _, err := h.authenticate(t, last); err != nil {
		t.Errorf("the next login: %v", err)
	}
}

// TestLoginsThatASweepDoesNotSee are made up for: those under way during a sweep had found room.
func TestLoginsThatASweepDoesNotSee(t *testing.T) {
	h := newHouse(t)
	h.register(t, "alice", "alice@example.com")
	for range 17 {
		h.cookieSignIn(t, "alice")
	}
	const held = 31 // of the room of 32
	release, holding := make(chan struct{}), make(chan struct{}, held)
	var all sync.WaitGroup
	for range held {
		store := &putStore{LoginStore: h.store, meanwhile: func() {
			holding <- struct{}{}
			<-release
		}}
		login := signin.NewLogin(store, h.hasher, h.guard(), h.pairs(), h.cookies(), h.now, h.logger())
		asked := signIn("alice", goodPassword)
		asked.Device = h.deviceOf(t, "alice")
		all.Go(func() {
			if _, _, err := login.Login(t.Context(), asked); err != nil {
				t.Errorf("logging in: %v", err)
			}
		})
	}
	for range held {
		<-holding
	}
	h.signIn(t, "alice") // sweeps
	close(release)
	all.Wait()
	for range 10 {
		h.clock = h.clock.Add(time.Second)
		h.signIn(t, "alice")
		if stored := h.stored(t); stored > 60 {
			t.Errorf("%d sessions are stored", stored)
		}
	}
	if stored := h.stored(t); stored != 50 {
		t.Errorf("in the end %d sessions are stored", stored)
	}
}

// TestASweepThatFailsFailsNoLogin, and the next login makes up for it.
func TestASweepThatFailsFailsNoLogin(t *testing.T) {
	for _, operation := range []string{"Query", "DeleteItem", "UpdateItem"} {
		t.Run(operation, func(t *testing.T) {
			h := newHouse(t)
			h.register(t, "alice", "alice@example.com")
			for range 49 {
				h.clock = h.clock.Add(time.Second)
				h.cookieSignIn(t, "alice")
			}
			skip := 0
			if operation == "UpdateItem" {
				skip = 1 // the login's own
			}
			h.clock = h.clock.Add(time.Second)
			h.tap.Inject(operation, skip, 1, wiretap.AccessDenied)
			if _, err := h.authenticate(t, h.signIn(t, "alice")); err != nil {
				t.Errorf("the login: %v", err)
			}
			h.tap.Reset()
			h.clock = h.clock.Add(time.Second)
			if _, err := h.authenticate(t, h.signIn(t, "alice")); err != nil || h.stored(t) != 50 {
				t.Errorf("the next login: %v; stored are %d", err, h.stored(t))
			}
		})
	}
}

// TestASweepSparesSessionsOfALaterEpoch: they began after the sweeping login had read the account.
func TestASweepSparesSessionsOfALaterEpoch(t *testing.T) {
	h := newHouse(t)
	h.register(t, "alice", "alice@example.com")
	h.change(t, "alice", changes{"room": number("1")})
	var later session.Pair
	store := &putStore{LoginStore: h.store, meanwhile: func() {
		h.change(t, "alice", changes{"epoch": number("1")})
		later = h.signIn(t, "alice")
	}}
	login := signin.NewLogin(store, h.hasher, h.guard(), h.pairs(), h.cookies(), h.now, h.logger())
	if _, _, err := login.Login(t.Context(), signIn("alice", goodPassword)); err != nil {
		t.Fatal(err)
	}
	if _, err := h.authenticate(t, later); err != nil {
		t.Errorf("the session of the later epoch: %v", err)
	}
}

// TestNothingStoredOpensAnything looks for every token, cookie and password in both tables.
func TestNothingStoredOpensAnything(t *testing.T) {
	h := newHouse(t)
	pair := h.register(t, "alice", "alice@example.com")
	next := h.mustRefresh(t, pair)
	cookie := h.cookieSignIn(t, "alice").Reveal()
	raw, err := base64.RawURLEncoding.DecodeString(cookie)
	if err != nil {
		t.Fatal(err)
	}
	stored := h.dump(t)
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
func (h *house) dump(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, table := range []string{h.tables.Users, h.tables.Sessions} {
		for _, item := range h.tables.Items(t, table) {
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
