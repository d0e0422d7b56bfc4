package ruletests

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/pkg/fault"
	"latchkey/pkg/reqlog"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
)

// refresh exchanges the refresh token of the pair.
func (f *fixture) refresh(t *testing.T, pair session.Pair) (session.Pair, error) {
	t.Helper()
	ctx, record := reqlog.Open(t.Context())
	next, err := f.refresher().Refresh(ctx, pair.Refresh)
	f.logEvent(record)
	return next, err
}

// mustRefresh exchanges the refresh token of the pair, which must be valid.
func (f *fixture) mustRefresh(t *testing.T, pair session.Pair) session.Pair {
	t.Helper()
	next, err := f.refresh(t, pair)
	if err != nil {
		t.Fatal(err)
	}
	return next
}

// checkEnded checks that both tokens of the pair are refused.
func (f *fixture) checkEnded(t *testing.T, pair session.Pair) {
	t.Helper()
	if _, err := f.authenticate(t, pair); !errors.Is(err, session.ErrAuthenticationRequired) {
		t.Errorf("the access token of an ended session: got the error %v, want %v", err, session.ErrAuthenticationRequired)
	}
	if _, err := f.refresh(t, pair); !errors.Is(err, session.ErrInvalidRefreshToken) {
		t.Errorf("the refresh token of an ended session: got the error %v, want %v", err, session.ErrInvalidRefreshToken)
	}
}

func (f *fixture) claims(t *testing.T, pair session.Pair) session.AccessClaims {
	t.Helper()
	claims, err := f.authority.VerifyAccess(pair.Access.Reveal(), f.clock)
	if err != nil {
		t.Fatal(err)
	}
	return claims
}

func TestRefreshReturnsANewPairAndEndsNothing(t *testing.T) {
	f := newFixture(t)
	first := f.register(t, "alice", "alice@example.com")
	f.clock = f.clock.Add(10 * time.Minute)
	second := f.mustRefresh(t, first)
	if second.Refresh == first.Refresh || f.claims(t, second).ID == f.claims(t, first).ID {
		t.Error("the pair of a refresh: got a token of the former pair, want two new ones")
	}
	if second.ExpiresIn != f.lives.Access {
		t.Errorf("the lifetime of the new access token: got %v, want %v", second.ExpiresIn, f.lives.Access)
	}
	for _, pair := range []session.Pair{first, second} {
		if _, err := f.authenticate(t, pair); err != nil {
			t.Errorf("an access token after the refresh: got the error %v, want none", err)
		}
	}
}

func TestAReplacedTokenReturnsItsSuccessorWithinTheGraceWindow(t *testing.T) {
	f := newFixture(t)
	first := f.register(t, "alice", "alice@example.com")
	f.clock = f.clock.Add(time.Minute)
	second := f.mustRefresh(t, first)
	for _, later := range []time.Duration{0, time.Second, 29 * time.Second, 30 * time.Second} {
		before := f.clock
		f.clock = f.clock.Add(later)
		again := f.mustRefresh(t, first)
		if again.Refresh != second.Refresh {
			t.Errorf("%v after the refresh: got another refresh token, want the successor", later)
		}
		if got, want := f.claims(t, again), f.claims(t, second); got != want {
			t.Errorf("%v after the refresh: got the access token %+v, want %+v", later, got, want)
		}
		if want := second.ExpiresIn - later; again.ExpiresIn != want {
			t.Errorf("%v after the refresh: got the lifetime %v, want %v", later, again.ExpiresIn, want)
		}
		f.clock = before
	}
	if third := f.mustRefresh(t, second); third.Refresh == second.Refresh {
		t.Error("a refresh with the successor: got the successor, want a new token")
	}
}

// TestTheSuccessorKeepsItsKey changes the deriving key after the refresh and before its repetition.
func TestTheSuccessorKeepsItsKey(t *testing.T) {
	f := newFixture(t)
	first := f.register(t, "alice", "alice@example.com")
	second := f.mustRefresh(t, first)
	f.addDerivingKey(t)
	if again := f.mustRefresh(t, first); again.Refresh != second.Refresh {
		t.Error("a repeated refresh after a change of the key: got another token, want the same")
	}
	if third := f.mustRefresh(t, second); third.Refresh == second.Refresh {
		t.Error("a refresh with the token of the old key: got that token, want a new one")
	}
}

func TestReuseEndsTheSession(t *testing.T) {
	tests := map[string]struct {
		before func(f *fixture, t *testing.T, first session.Pair) session.Pair // returns the current pair
	}{
		"the previous token, after the window": {func(f *fixture, t *testing.T, first session.Pair) session.Pair {
			second := f.mustRefresh(t, first)
			f.clock = f.clock.Add(f.lives.Grace + time.Millisecond)
			return second
		}},
		"a token two generations old, within the window": {func(f *fixture, t *testing.T, first session.Pair) session.Pair {
			return f.mustRefresh(t, f.mustRefresh(t, first))
		}},
		"without a window": {func(f *fixture, t *testing.T, first session.Pair) session.Pair {
			f.lives.Grace = 0
			return f.mustRefresh(t, first)
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			first := f.register(t, "alice", "alice@example.com")
			other, err := f.passwordLogin(t.Context(), "alice", goodPassword)
			if err != nil {
				t.Fatal(err)
			}
			current := test.before(f, t, first)
			if _, err := f.refresh(t, first); !errors.Is(err, session.ErrInvalidRefreshToken) {
				t.Errorf("the reused token: got the error %v, want %v", err, session.ErrInvalidRefreshToken)
			}
			f.checkEnded(t, first)
			f.checkEnded(t, current)
			if _, err := f.authenticate(t, other); err != nil {
				t.Errorf("another session of the user: got the error %v, want none", err)
			}
			f.checkEvent(t, other)
		})
	}
}

// checkEvent checks that there is one security event, and that it names the user and a session other than the given one.
func (f *fixture) checkEvent(t *testing.T, other session.Pair) {
	t.Helper()
	logged := f.log.String()
	if strings.Count(logged, `"event":"refresh_token_reuse"`) != 1 || !strings.Contains(logged, `"user_id":"`+f.user(t, "alice").ID.String()) {
		t.Errorf("the log: got %s, want one refresh_token_reuse of alice", logged)
	}
	if !strings.Contains(logged, `"session_id":"`) || strings.Contains(logged, f.claims(t, other).Session.String()) {
		t.Errorf("the log: got %s, want the id of the reused session", logged)
	}
}

func TestRefreshAfterTheEndOfTheSession(t *testing.T) {
	tests := map[string]func(f *fixture, t *testing.T, pair session.Pair){
		"logged out": func(f *fixture, t *testing.T, pair session.Pair) {
			if err := f.logOut(t.Context(), session.Credentials{Access: pair.Access}, secret.String{}); err != nil {
				t.Fatal(err)
			}
		},
		"epoch raised": func(f *fixture, t *testing.T, _ session.Pair) {
			f.setUser(t, "alice", attributes{"epoch": number("1")})
		},
		"disabled": func(f *fixture, t *testing.T, _ session.Pair) {
			f.setUser(t, "alice", attributes{"active": boolean(false)})
		},
		"expired": func(f *fixture, _ *testing.T, _ session.Pair) { f.clock = f.clock.Add(f.lives.Refresh) },
	}
	for name, end := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			pair := f.register(t, "alice", "alice@example.com")
			end(f, t, pair)
			f.checkEnded(t, pair)
			if f.log.Len() > 0 {
				t.Errorf("the log: got %s, want no security event", f.log.String())
			}
		})
	}
}

func TestASessionEndsEvenIfItIsRefreshed(t *testing.T) {
	f := newFixture(t)
	f.lives.Access = 48 * time.Hour
	pair := f.register(t, "alice", "alice@example.com")
	end := f.clock.Truncate(time.Second).Add(f.lives.SessionMax)
	for f.clock.Before(end.Add(-20 * time.Hour)) {
		f.clock = f.clock.Add(20 * time.Hour)
		pair = f.mustRefresh(t, pair)
		if expires := f.claims(t, pair).Expires; expires.After(end) {
			t.Fatalf("the expiry of an access token: got %v, want at most the end of the session at %v", expires, end)
		}
		if left := end.Sub(f.clock.Truncate(time.Second)); pair.ExpiresIn > left {
			t.Fatalf("the lifetime of an access token: got %v, want at most the %v that the session has left", pair.ExpiresIn, left)
		}
	}
	f.clock = end
	f.checkEnded(t, pair)
}

// TestALostResponseIsASuccessWithoutAWindow shows that the operation in the item, and not the grace window, makes the repeated
// write succeed.
func TestALostResponseIsASuccessWithoutAWindow(t *testing.T) {
	f := newFixture(t)
	f.lives.Grace = 0
	pair := f.register(t, "alice", "alice@example.com")
	for range 3 {
		f.loseNextResponse("UpdateItem")
		pair = f.mustRefresh(t, pair)
	}
	if _, err := f.authenticate(t, pair); err != nil {
		t.Errorf("the last pair: got the error %v, want none", err)
	}
	if f.log.Len() > 0 {
		t.Errorf("the log: got %s, want no security event", f.log.String())
	}
}

// TestAYearWithLostResponses shows that a client that loses every second response and retries at once stays signed in until the
// session ends.
func TestAYearWithLostResponses(t *testing.T) {
	f := newFixture(t)
	f.lives.SessionMax = 365 * 24 * time.Hour
	pair := f.register(t, "alice", "alice@example.com")
	for day := range 364 {
		f.clock = f.clock.Add(24*time.Hour - time.Minute)
		lost := f.mustRefresh(t, pair)
		if day%2 == 0 {
			f.clock = f.clock.Add(2 * time.Second)
			again := f.mustRefresh(t, pair)
			if again.Refresh != lost.Refresh {
				t.Fatalf("the retry on day %d: got another token, want the same", day)
			}
		}
		pair = lost
		if _, err := f.authenticate(t, pair); err != nil {
			t.Fatalf("the access token on day %d: got the error %v, want none", day, err)
		}
	}
}

// TestParallelRefreshes shows that all get the same pair, and that the session moves by one generation.
func TestParallelRefreshes(t *testing.T) {
	f := newFixture(t)
	first := f.register(t, "alice", "alice@example.com")
	pairs := make([]session.Pair, 32)
	var all sync.WaitGroup
	for i := range pairs {
		all.Go(func() {
			var err error
			if pairs[i], err = f.refresh(t, first); err != nil {
				t.Errorf("a parallel refresh: got the error %v, want none", err)
			}
		})
	}
	all.Wait()
	for _, pair := range pairs {
		if pair.Refresh != pairs[0].Refresh || f.claims(t, pair) != f.claims(t, pairs[0]) {
			t.Fatalf("the pairs of two callers: got %+v and %+v, want equal ones", f.claims(t, pair), f.claims(t, pairs[0]))
		}
	}
	opened, err := f.keys.OpenRefresh(pairs[0].Refresh.Reveal())
	if err != nil || opened.Generation != 1 {
		t.Errorf("the generation: got %d and the error %v, want 1", opened.Generation, err)
	}
}

// unavailableStore fails to end sessions.
type unavailableStore struct{ session.RefreshStore }

func (unavailableStore) EndSession(context.Context, session.Ref) error {
	return fault.ServiceUnavailable
}

// TestReuseIsNoRefusalIfTheSessionCannotBeEnded shows that the response is an error of the service, so the client tries again and
// the session ends then.
func TestReuseIsNoRefusalIfTheSessionCannotBeEnded(t *testing.T) {
	f := newFixture(t)
	f.lives.Grace = 0
	first := f.register(t, "alice", "alice@example.com")
	f.mustRefresh(t, first)
	refresher := session.NewRefresher(unavailableStore{f.store}, f.keys, f.pairs())
	if _, err := refresher.Refresh(t.Context(), first.Refresh); !errors.Is(err, fault.ServiceUnavailable) {
		t.Errorf("a reuse that cannot end the session: got the error %v, want %v", err, fault.ServiceUnavailable)
	}
	if _, err := f.refresh(t, first); !errors.Is(err, session.ErrInvalidRefreshToken) {
		t.Errorf("the retry: got the error %v, want %v", err, session.ErrInvalidRefreshToken)
	}
	f.checkEnded(t, first)
}

func TestAnInvalidTokenCostsNothingAndEndsNothing(t *testing.T) {
	f := newFixture(t)
	pair := f.register(t, "alice", "alice@example.com")
	f.tap.Reset()
	for name, token := range map[string]string{
		"garbage":          "garbage",
		"empty":            "",
		"the access token": pair.Access.Reveal(),
		"truncated":        pair.Refresh.Reveal()[:40],
		"longer":           pair.Refresh.Reveal() + "A",
		"padded":           pair.Refresh.Reveal() + "=",
	} {
		if _, err := f.refresher().Refresh(t.Context(), secret.New(token)); !errors.Is(err, session.ErrInvalidRefreshToken) {
			t.Errorf("%s, %q: got the error %v, want %v", name, token, err, session.ErrInvalidRefreshToken)
		}
	}
	if calls := f.tap.Calls(); len(calls) != 0 {
		t.Errorf("the store calls: got %v, want none", calls)
	}
	f.mustRefresh(t, pair)
}
