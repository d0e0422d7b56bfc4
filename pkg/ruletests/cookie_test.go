package ruletests

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"latchkey/infra/testkit/wiretap"
	"latchkey/pkg/account"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
)

func (f *fixture) mustCookieLogin(t *testing.T, name string) secret.String {
	t.Helper()
	signedIn, err := f.login().CookieLogin(t.Context(), attempt(name, goodPassword))
	if err != nil {
		t.Fatal(err)
	}
	return signedIn.Cookie
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
		t.Error("the cookies of two logins: got equal ones, want different ones")
	}
	for _, cookie := range []secret.String{first, second} {
		auth, err := f.authenticateWith(t, secret.String{}, cookie)
		if err != nil || auth.User.Username.Typed != "alice" || auth.Cookie != session.CookieLive {
			t.Errorf("the cookie of a login: got %+v and the error %v, want alice with a live cookie", auth, err)
		}
	}
	if _, err := f.login().CookieLogin(t.Context(), attempt("alice", "wrong")); !errors.Is(err, account.ErrInvalidCredentials) {
		t.Errorf("a wrong password: got the error %v, want %v", err, account.ErrInvalidCredentials)
	}
}

// TestInvalidCookies checks that none is accepted, and that malformed ones cost no call.
func TestInvalidCookies(t *testing.T) {
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
		"garbage":                  {"garbage", 0},
		"too short":                {cookie[:len(cookie)-1], 0},
		"too long":                 {cookie + "A", 0},
		"padded":                   {cookie[:len(cookie)-1] + "=", 0},
		"a line break in it":       {cookie[:len(cookie)-1] + "\n", 0},
		"last character respelled": {lastBitSet(cookie), 0},
		"the access token":         {pair.Access.Reveal(), 0},
		"the refresh token":        {pair.Refresh.Reveal(), 0},
		"another user":             {flipped(0), 1},
		"another session":          {flipped(16), 1},
		"first bit of the secret":  {flipped(32), 1},
		"last bit of the secret":   {flipped(63), 1},
		"another session's secret": {base64.RawURLEncoding.EncodeToString(append(value[:32:32], other[32:]...)), 1},
		"a token session's id":     {base64.RawURLEncoding.EncodeToString(ofTokens), 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f.tap.Reset()
			if _, err := f.authenticateWith(t, secret.String{}, secret.New(test.cookie)); !errors.Is(err, session.ErrAuthenticationRequired) {
				t.Errorf("the cookie %q: got the error %v, want %v", test.cookie, err, session.ErrAuthenticationRequired)
			}
			if calls := len(f.tap.Calls()); calls != test.calls {
				t.Errorf("the cookie %q: got %d store calls, want %d", test.cookie, calls, test.calls)
			}
		})
	}
	if _, err := f.authenticateWith(t, secret.String{}, secret.New(cookie)); err != nil {
		t.Errorf("the unchanged cookie: got the error %v, want none", err)
	}
}

// lastBitSet sets a bit of the last character that belongs to no byte. The result is another spelling of the same bytes.
func lastBitSet(cookie string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, cookie[len(cookie)-1])
	return cookie[:len(cookie)-1] + string(alphabet[last^1])
}

// TestOrderOfCredentials shows that the bearer token takes precedence if it is valid, that the cookie counts otherwise, and that
// both cost one read.
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
		"both valid":                {alice, bob, "alice", session.CookieLive},
		"only the cookie valid":     {secret.New("bad"), bob, "bob", session.CookieLive},
		"only the bearer valid":     {alice, secret.New("bad"), "alice", session.CookieDead},
		"no bearer":                 {secret.String{}, bob, "bob", session.CookieLive},
		"no cookie":                 {alice, secret.String{}, "alice", session.CookieAbsent},
		"a cookie as a bearer":      {bob, bob, "bob", session.CookieLive},
		"both invalid":              {secret.New("bad"), secret.New("bad"), "", 0},
		"each in the other's place": {bob, alice, "", 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f.tap.Reset()
			auth, err := f.authenticateWith(t, test.access, test.cookie)
			if got := auth.User.Username.Typed; got != test.want || (err == nil) != (test.want != "") || auth.Cookie != test.state {
				t.Errorf("got the user %q, the cookie state %v and the error %v, want %q and %v", got, auth.Cookie, err, test.want, test.state)
			}
			if calls := len(f.tap.Calls()); calls > 1 {
				t.Errorf("got %d store calls, want at most 1", calls)
			}
		})
	}
}

func TestTheEndOfACookieSession(t *testing.T) {
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
					t.Errorf("the cookie: got the error %v, want %v", err, session.ErrAuthenticationRequired)
				}
			}
			if _, err := f.authenticateWith(t, secret.String{}, other); (err == nil) != (name == "logged out") {
				t.Errorf("the cookie of another session: got the error %v, want one only if all sessions end", err)
			}
		})
	}
}

func TestUseRenewsACookieSessionUntilItsAbsoluteEnd(t *testing.T) {
	f := newFixture(t)
	f.register(t, "alice", "alice@example.com")
	cookie := f.mustCookieLogin(t, "alice")
	end := f.clock.Truncate(time.Second).Add(f.lives.CookieAbsolute)
	for step := 20 * time.Hour; f.clock.Add(step).Before(end); {
		f.clock = f.clock.Add(step)
		if auth, err := f.authenticateWith(t, secret.String{}, cookie); err != nil || auth.Cookie != session.CookieRenewed {
			t.Fatalf("at %v: got the cookie state %v and the error %v, want %v", f.clock, auth.Cookie, err, session.CookieRenewed)
		}
	}
	f.clock = end
	if _, err := f.authenticateWith(t, secret.String{}, cookie); !errors.Is(err, session.ErrAuthenticationRequired) {
		t.Errorf("at the absolute end: got the error %v, want %v", err, session.ErrAuthenticationRequired)
	}
}

func TestACookieSessionIsRenewedHourlyAtMost(t *testing.T) {
	for name, test := range map[string]struct{ idle, due time.Duration }{
		"hourly":                     {24 * time.Hour, time.Hour},
		"a quarter of the idle time": {20 * time.Minute, 5 * time.Minute},
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
				auth, err := f.authenticateWith(t, secret.String{}, cookie)
				if calls := len(f.tap.Calls()); err != nil || auth.Cookie != step.state || calls != step.calls {
					t.Errorf("after another %v: got the cookie state %v, %d calls and the error %v, want %v and %d calls",
						step.pass, auth.Cookie, calls, err, step.state, step.calls)
				}
			}
		})
	}
}

// TestAFailedRenewalFailsNoRequest also shows that a renewal with a lost response counts as done.
func TestAFailedRenewalFailsNoRequest(t *testing.T) {
	for name, test := range map[string]struct {
		times int
		fault wiretap.Fault
		state session.CookieState
	}{
		"lost response":  {1, wiretap.LoseAnswer, session.CookieRenewed},
		"refused access": {1, wiretap.AccessDenied, session.CookieLive},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.register(t, "alice", "alice@example.com")
			cookie := f.mustCookieLogin(t, "alice")
			f.clock = f.clock.Add(2 * time.Hour)
			f.tap.Inject("UpdateItem", 0, test.times, test.fault)
			if auth, err := f.authenticateWith(t, secret.String{}, cookie); err != nil || auth.Cookie != test.state {
				t.Errorf("got the cookie state %v and the error %v, want %v", auth.Cookie, err, test.state)
			}
		})
	}
}

// TestALogoutIsNotUndoneByARenewal logs out after another request has read the session and before it renews the cookie.
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
	auth, err := admitBy(t.Context(), authenticator, session.Credentials{Cookie: cookie})
	if err != nil || auth.Cookie != session.CookieLive {
		t.Errorf("the first request: got the cookie state %v and the error %v, want %v", auth.Cookie, err, session.CookieLive)
	}
	if _, err := f.authenticateWith(t, secret.String{}, cookie); !errors.Is(err, session.ErrAuthenticationRequired) {
		t.Errorf("after the logout: got the error %v, want %v", err, session.ErrAuthenticationRequired)
	}
}

// TestLogoutByCookieAndTokens ends the session of each credential.
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
		t.Errorf("the cookie after the logout: got the error %v, want %v", err, session.ErrAuthenticationRequired)
	}
}

// TestTheTablesHoldNoCredentials looks for every token, cookie and password in both tables.
func TestTheTablesHoldNoCredentials(t *testing.T) {
	f := newFixture(t)
	pair := f.register(t, "alice", "alice@example.com")
	next := f.mustRefresh(t, pair)
	cookie := f.mustCookieLogin(t, "alice").Reveal()
	raw, err := base64.RawURLEncoding.DecodeString(cookie)
	if err != nil {
		t.Fatal(err)
	}
	stored := f.dump(t)
	for name, credential := range map[string]string{
		"password": goodPassword, "access token": pair.Access.Reveal(), "refresh token": pair.Refresh.Reveal(),
		"next access token": next.Access.Reveal(), "next refresh token": next.Refresh.Reveal(),
		"cookie": cookie, "secret of the cookie": string(raw[32:]), "encoded secret": cookie[43:],
	} {
		if strings.Contains(stored, credential) {
			t.Errorf("the tables: got the %s in them, want no credential", name)
		}
	}
}

// dump returns all attribute values of both tables.
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
