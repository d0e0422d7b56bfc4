package ruletests

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/pkg/fault"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
)

// refresh presents the refresh token of pair.
func (f *fixture) refresh(t *testing.T, pair session.Pair) (session.Pair, error) {
	t.Helper()
	return f.refresher().Refresh(t.Context(), pair.Refresh)
}

// mustRefresh is refresh for a token that has to be good.
func (f *fixture) mustRefresh(t *testing.T, pair session.Pair) session.Pair {
	t.Helper()
	next, err := f.refresh(t, pair)
	if err != nil {
		t.Fatal(err)
	}
	return next
}

// ended checks that nothing of pair is accepted.
func (f *fixture) checkEnded(t *testing.T, pair session.Pair) {
	t.Helper()
	if _, err := f.authenticate(t, pair); !errors.Is(err, session.ErrAuthenticationRequired) {
		t.Errorf("the access token: %v", err)
	}
	if _, err := f.refresh(t, pair); !errors.Is(err, session.ErrInvalidRefreshToken) {
		t.Errorf("the refresh token: %v", err)
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

func TestRefreshGivesANewPairAndEndsNothing(t *testing.T) {
	f := newFixture(t)
	first := f.register(t, "alice", "alice@example.com")
	f.clock = f.clock.Add(10 * time.Minute)
	second := f.mustRefresh(t, first)
	if second.Refresh == first.Refresh || f.claims(t, second).ID == f.claims(t, first).ID {
		t.Error("the pair is not new")
	}
	if second.ExpiresIn != f.lives.Access {
		t.Errorf("the new access token lives %v", second.ExpiresIn)
	}
	for _, pair := range []session.Pair{first, second} {
		if _, err := f.authenticate(t, pair); err != nil {
			t.Errorf("an access token is refused: %v", err)
		}
	}
}

func TestTheReplacedTokenGivesItsSuccessorWithinTheGraceWindow(t *testing.T) {
	f := newFixture(t)
	first := f.register(t, "alice", "alice@example.com")
	f.clock = f.clock.Add(time.Minute)
	second := f.mustRefresh(t, first)
	for _, later := range []time.Duration{0, time.Second, 29 * time.Second, 30 * time.Second} {
		moved := f.clock
		f.clock = f.clock.Add(later)
		again := f.mustRefresh(t, first)
		if again.Refresh != second.Refresh {
			t.Errorf("%v later the refresh token is another", later)
		}
		if got, want := f.claims(t, again), f.claims(t, second); got != want {
			t.Errorf("%v later the access token has %+v, want %+v", later, got, want)
		}
		if want := second.ExpiresIn - later; again.ExpiresIn != want {
			t.Errorf("%v later it expires in %v, want %v", later, again.ExpiresIn, want)
		}
		f.clock = moved
	}
	if third := f.mustRefresh(t, second); third.Refresh == second.Refresh {
		t.Error("the successor does not work")
	}
}

func TestTheSuccessorIsDerivedByItsOwnKey(t *testing.T) {
	f := newFixture(t)
	first := f.register(t, "alice", "alice@example.com")
	second := f.mustRefresh(t, first)
	f.addDerivingKey(t)
	if again := f.mustRefresh(t, first); again.Refresh != second.Refresh {
		t.Error("after a new key came into use, a retry got another token")
	}
	if third := f.mustRefresh(t, second); third.Refresh == second.Refresh {
		t.Error("the old key's token does not work")
	}
}

func TestReuseEndsTheSession(t *testing.T) {
	tests := map[string]struct {
		before func(f *fixture, t *testing.T, first session.Pair) session.Pair // returns the current pair
	}{
		"the token before, after the window": {func(f *fixture, t *testing.T, first session.Pair) session.Pair {
			second := f.mustRefresh(t, first)
			f.clock = f.clock.Add(f.lives.Grace + time.Millisecond)
			return second
		}},
		"a token two generations back, within it": {func(f *fixture, t *testing.T, first session.Pair) session.Pair {
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
				t.Errorf("the used token: %v", err)
			}
			f.checkEnded(t, first)
			f.checkEnded(t, current)
			if _, err := f.authenticate(t, other); err != nil {
				t.Errorf("another session of the user ended too: %v", err)
			}
			f.checkEvent(t, other)
		})
	}
}

// checkEvent looks for the one security event, with session and user.
func (f *fixture) checkEvent(t *testing.T, other session.Pair) {
	t.Helper()
	logged := f.log.String()
	if strings.Count(logged, `"event":"refresh_token_reuse"`) != 1 || !strings.Contains(logged, `"user_id":"`+f.user(t, "alice").ID.String()) {
		t.Errorf("the log is %s", logged)
	}
	if !strings.Contains(logged, `"session_id":"`) || strings.Contains(logged, f.claims(t, other).Session.String()) {
		t.Errorf("the log names the wrong session: %s", logged)
	}
}

func TestRefreshAfterTheSessionCeasedToCount(t *testing.T) {
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
				t.Errorf("a security event without a reuse: %s", f.log.String())
			}
		})
	}
}

func TestASessionEndsHoweverOftenItIsRefreshed(t *testing.T) {
	f := newFixture(t)
	f.lives.Access = 48 * time.Hour
	pair := f.register(t, "alice", "alice@example.com")
	begun := f.clock.Truncate(time.Second)
	end := begun.Add(f.lives.SessionMax)
	for f.clock.Before(end.Add(-20 * time.Hour)) {
		f.clock = f.clock.Add(20 * time.Hour)
		pair = f.mustRefresh(t, pair)
		if expires := f.claims(t, pair).Expires; expires.After(end) {
			t.Fatalf("an access token expires at %v, after the session's end at %v", expires, end)
		}
		if left := end.Sub(f.clock.Truncate(time.Second)); pair.ExpiresIn > left {
			t.Fatalf("expires in %v, the session in %v", pair.ExpiresIn, left)
		}
	}
	f.clock = end
	f.checkEnded(t, pair)
}

// TestALostAnswerIsOurSuccessWithoutAWindow: the operation in the item tells it, not the grace window.
func TestALostAnswerIsOurSuccessWithoutAWindow(t *testing.T) {
	f := newFixture(t)
	f.lives.Grace = 0
	pair := f.register(t, "alice", "alice@example.com")
	for range 3 {
		f.loseNextResponse("UpdateItem")
		pair = f.mustRefresh(t, pair)
	}
	if _, err := f.authenticate(t, pair); err != nil {
		t.Errorf("the last pair: %v", err)
	}
	if f.log.Len() > 0 {
		t.Errorf("a security event without a reuse: %s", f.log.String())
	}
}

// TestAnHonestYear: a client that loses every second answer and retries at once stays signed in until the session's end.
func TestAnHonestYear(t *testing.T) {
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
				t.Fatalf("on day %d the retry got another token", day)
			}
		}
		pair = lost
		if _, err := f.authenticate(t, pair); err != nil {
			t.Fatalf("on day %d: %v", day, err)
		}
	}
}

// TestParallelRefreshes: all get one and the same refresh token, and the session stands one generation further.
func TestParallelRefreshes(t *testing.T) {
	f := newFixture(t)
	first := f.register(t, "alice", "alice@example.com")
	pairs := make([]session.Pair, 32)
	var all sync.WaitGroup
	for i := range pairs {
		all.Go(func() {
			var err error
			if pairs[i], err = f.refresh(t, first); err != nil {
				t.Errorf("refreshing: %v", err)
			}
		})
	}
	all.Wait()
	for _, pair := range pairs {
		if pair.Refresh != pairs[0].Refresh || f.claims(t, pair) != f.claims(t, pairs[0]) {
			t.Fatal("two callers got different pairs")
		}
	}
	opened, err := f.keys.OpenRefresh(pairs[0].Refresh.Reveal())
	if err != nil || opened.Generation != 1 {
		t.Errorf("the generation is %d, error %v", opened.Generation, err)
	}
}

// unavailableStore fails at ending a session.
type unavailableStore struct{ session.RefreshStore }

func (unavailableStore) EndSession(context.Context, session.Ref) error {
	return fault.ServiceUnavailable
}

// TestReuseThatCannotEndTheSessionIsNotToldAsARefusal, so that the client tries again and the session ends then.
func TestReuseThatCannotEndTheSessionIsNotToldAsARefusal(t *testing.T) {
	f := newFixture(t)
	f.lives.Grace = 0
	first := f.register(t, "alice", "alice@example.com")
	f.mustRefresh(t, first)
	refresher := session.NewRefresher(unavailableStore{f.store}, f.keys, f.pairs(), nil)
	if _, err := refresher.Refresh(t.Context(), first.Refresh); !errors.Is(err, fault.ServiceUnavailable) {
		t.Errorf("the error is %v", err)
	}
	if _, err := f.refresh(t, first); !errors.Is(err, session.ErrInvalidRefreshToken) {
		t.Errorf("the retry: %v", err)
	}
	f.checkEnded(t, first)
}

func TestATokenThatDoesNotVerifyCostsNothingAndEndsNothing(t *testing.T) {
	f := newFixture(t)
	pair := f.register(t, "alice", "alice@example.com")
	f.tap.Reset()
	for name, token := range map[string]string{
		"garbage":          "garbage",
		"empty":            "",
		"the access token": pair.Access.Reveal(),
		"cut":              pair.Refresh.Reveal()[:40],
		"longer":           pair.Refresh.Reveal() + "A",
		"padded":           pair.Refresh.Reveal() + "=",
	} {
		if _, err := f.refresher().Refresh(t.Context(), secret.New(token)); !errors.Is(err, session.ErrInvalidRefreshToken) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if calls := f.tap.Calls(); len(calls) != 0 {
		t.Errorf("store calls were made: %v", calls)
	}
	f.mustRefresh(t, pair)
}
