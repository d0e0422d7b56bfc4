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
func (h *house) refresh(t *testing.T, pair session.Pair) (session.Pair, error) {
	t.Helper()
	return h.refresher().Refresh(t.Context(), pair.Refresh)
}

// mustRefresh is refresh for a token that has to be good.
func (h *house) mustRefresh(t *testing.T, pair session.Pair) session.Pair {
	t.Helper()
	next, err := h.refresh(t, pair)
	if err != nil {
		t.Fatal(err)
	}
	return next
}

// ended checks that nothing of pair is accepted.
func (h *house) ended(t *testing.T, pair session.Pair) {
	t.Helper()
	if _, err := h.authenticate(t, pair); !errors.Is(err, session.ErrAuthenticationRequired) {
		t.Errorf("the access token: %v", err)
	}
	if _, err := h.refresh(t, pair); !errors.Is(err, session.ErrInvalidRefreshToken) {
		t.Errorf("the refresh token: %v", err)
	}
}

func (h *house) claims(t *testing.T, pair session.Pair) session.AccessClaims {
	t.Helper()
	claims, err := h.authority.VerifyAccess(pair.Access.Reveal(), h.clock)
	if err != nil {
		t.Fatal(err)
	}
	return claims
}

func TestRefreshGivesANewPairAndEndsNothing(t *testing.T) {
	h := newHouse(t)
	first := h.register(t, "alice", "alice@example.com")
	h.clock = h.clock.Add(10 * time.Minute)
	second := h.mustRefresh(t, first)
	if second.Refresh == first.Refresh || h.claims(t, second).ID == h.claims(t, first).ID {
		t.Error("the pair is not new")
	}
	if second.ExpiresIn != h.lives.Access {
		t.Errorf("the new access token lives %v", second.ExpiresIn)
	}
	for _, pair := range []session.Pair{first, second} {
		if _, err := h.authenticate(t, pair); err != nil {
			t.Errorf("an access token is refused: %v", err)
		}
	}
}

func TestTheReplacedTokenGivesItsSuccessorWithinTheGraceWindow(t *testing.T) {
	h := newHouse(t)
	first := h.register(t, "alice", "alice@example.com")
	h.clock = h.clock.Add(time.Minute)
	second := h.mustRefresh(t, first)
	for _, later := range []time.Duration{0, time.Second, 29 * time.Second, 30 * time.Second} {
		moved := h.clock
		h.clock = h.clock.Add(later)
		again := h.mustRefresh(t, first)
		if again.Refresh != second.Refresh {
			t.Errorf("%v later the refresh token is another", later)
		}
		if got, want := h.claims(t, again), h.claims(t, second); got != want {
			t.Errorf("%v later the access token has %+v, want %+v", later, got, want)
		}
		if want := second.ExpiresIn - later; again.ExpiresIn != want {
			t.Errorf("%v later it expires in %v, want %v", later, again.ExpiresIn, want)
		}
		h.clock = moved
	}
	if third := h.mustRefresh(t, second); third.Refresh == second.Refresh {
		t.Error("the successor does not work")
	}
}

func TestTheSuccessorIsDerivedByItsOwnKey(t *testing.T) {
	h := newHouse(t)
	first := h.register(t, "alice", "alice@example.com")
	second := h.mustRefresh(t, first)
	h.addDerivingKey(t)
	if again := h.mustRefresh(t, first); again.Refresh != second.Refresh {
		t.Error("after a new key came into use, a retry got another token")
	}
	if third := h.mustRefresh(t, second); third.Refresh == second.Refresh {
		t.Error("the old key's token does not work")
	}
}

func TestReuseEndsTheSession(t *testing.T) {
	tests := map[string]struct {
		before func(h *house, t *testing.T, first session.Pair) session.Pair // returns the current pair
	}{
		"the token before, after the window": {func(h *house, t *testing.T, first session.Pair) session.Pair {
			second := h.mustRefresh(t, first)
			h.clock = h.clock.Add(h.lives.Grace + time.Millisecond)
			return second
		}},
		"a token two generations back, within it": {func(h *house, t *testing.T, first session.Pair) session.Pair {
			return h.mustRefresh(t, h.mustRefresh(t, first))
		}},
		"without a window": {func(h *house, t *testing.T, first session.Pair) session.Pair {
			h.lives.Grace = 0
			return h.mustRefresh(t, first)
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			first := h.register(t, "alice", "alice@example.com")
			other, err := h.tryLogin(t.Context(), "alice", goodPassword)
			if err != nil {
				t.Fatal(err)
			}
			current := test.before(h, t, first)
			if _, err := h.refresh(t, first); !errors.Is(err, session.ErrInvalidRefreshToken) {
				t.Errorf("the used token: %v", err)
			}
			h.ended(t, first)
			h.ended(t, current)
			if _, err := h.authenticate(t, other); err != nil {
				t.Errorf("another session of the user ended too: %v", err)
			}
			h.checkEvent(t, other)
		})
	}
}

// checkEvent looks for the one security event, with session and user.
func (h *house) checkEvent(t *testing.T, other session.Pair) {
	t.Helper()
	logged := h.log.String()
	if strings.Count(logged, `"event":"refresh_token_reuse"`) != 1 || !strings.Contains(logged, `"user_id":"`+h.user(t, "alice").ID.String()) {
		t.Errorf("the log is %s", logged)
	}
	if !strings.Contains(logged, `"session_id":"`) || strings.Contains(logged, h.claims(t, other).Session.String()) {
		t.Errorf("the log names the wrong session: %s", logged)
	}
}

func TestRefreshAfterTheSessionCeasedToCount(t *testing.T) {
	tests := map[string]func(h *house, t *testing.T, pair session.Pair){
		"logged out": func(h *house, t *testing.T, pair session.Pair) {
			if err := h.endSessions(t.Context(), session.Credentials{Access: pair.Access}, secret.String{}); err != nil {
				t.Fatal(err)
			}
		},
		"epoch raised": func(h *house, t *testing.T, _ session.Pair) { h.change(t, "alice", changes{"epoch": number("1")}) },
		"disabled":     func(h *house, t *testing.T, _ session.Pair) { h.change(t, "alice", changes{"active": boolean(false)}) },
		"expired":      func(h *house, _ *testing.T, _ session.Pair) { h.clock = h.clock.Add(h.lives.Refresh) },
	}
	for name, end := range tests {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			pair := h.register(t, "alice", "alice@example.com")
			end(h, t, pair)
			h.ended(t, pair)
			if h.log.Len() > 0 {
				t.Errorf("a security event without a reuse: %s", h.log.String())
			}
		})
	}
}

func TestASessionEndsHoweverOftenItIsRefreshed(t *testing.T) {
	h := newHouse(t)
	h.lives.Access = 48 * time.Hour
	pair := h.register(t, "alice", "alice@example.com")
	begun := h.clock.Truncate(time.Second)
	end := begun.Add(h.lives.SessionMax)
	for h.clock.Before(end.Add(-20 * time.Hour)) {
		h.clock = h.clock.Add(20 * time.Hour)
		pair = h.mustRefresh(t, pair)
		if expires := h.claims(t, pair).Expires; expires.After(end) {
			t.Fatalf("an access token expires at %v, after the session's end at %v", expires, end)
		}
		if left := end.Sub(h.clock.Truncate(time.Second)); pair.ExpiresIn > left {
			t.Fatalf("expires in %v, the session in %v", pair.ExpiresIn, left)
		}
	}
	h.clock = end
	h.ended(t, pair)
}

// TestALostAnswerIsOurSuccessWithoutAWindow: the operation in the item tells it, not the grace window.
func TestALostAnswerIsOurSuccessWithoutAWindow(t *testing.T) {
	h := newHouse(t)
	h.lives.Grace = 0
	pair := h.register(t, "alice", "alice@example.com")
	for range 3 {
		h.loseNextAnswer("UpdateItem")
		pair = h.mustRefresh(t, pair)
	}
	if _, err := h.authenticate(t, pair); err != nil {
		t.Errorf("the last pair: %v", err)
	}
	if h.log.Len() > 0 {
		t.Errorf("a security event without a reuse: %s", h.log.String())
	}
}

// TestAnHonestYear: a client that loses every second answer and retries at once stays signed in until the session's end.
func TestAnHonestYear(t *testing.T) {
	h := newHouse(t)
	h.lives.SessionMax = 365 * 24 * time.Hour
	pair := h.register(t, "alice", "alice@example.com")
	for day := range 364 {
		h.clock = h.clock.Add(24*time.Hour - time.Minute)
		lost := h.mustRefresh(t, pair)
		if day%2 == 0 {
			h.clock = h.clock.Add(2 * time.Second)
			again := h.mustRefresh(t, pair)
			if again.Refresh != lost.Refresh {
				t.Fatalf("on day %d the retry got another token", day)
			}
		}
		pair = lost
		if _, err := h.authenticate(t, pair); err != nil {
			t.Fatalf("on day %d: %v", day, err)
		}
	}
}

// TestParallelRefreshes: all get one and the same refresh token, and the session stands one generation further.
func TestParallelRefreshes(t *testing.T) {
	h := newHouse(t)
	first := h.register(t, "alice", "alice@example.com")
	pairs := make([]session.Pair, 32)
	var all sync.WaitGroup
	for i := range pairs {
		all.Go(func() {
			var err error
			if pairs[i], err = h.refresh(t, first); err != nil {
				t.Errorf("refreshing: %v", err)
			}
		})
	}
	all.Wait()
	for _, pair := range pairs {
		if pair.Refresh != pairs[0].Refresh || h.claims(t, pair) != h.claims(t, pairs[0]) {
			t.Fatal("two callers got different pairs")
		}
	}
	opened, err := h.keys.OpenRefresh(pairs[0].Refresh.Reveal())
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
	h := newHouse(t)
	h.lives.Grace = 0
	first := h.register(t, "alice", "alice@example.com")
	h.mustRefresh(t, first)
	refresher := session.NewRefresher(unavailableStore{h.store}, h.keys, h.pairs(), nil)
	if _, err := refresher.Refresh(t.Context(), first.Refresh); !errors.Is(err, fault.ServiceUnavailable) {
		t.Errorf("the error is %v", err)
	}
	if _, err := h.refresh(t, first); !errors.Is(err, session.ErrInvalidRefreshToken) {
		t.Errorf("the retry: %v", err)
	}
	h.ended(t, first)
}

func TestATokenThatDoesNotVerifyCostsNothingAndEndsNothing(t *testing.T) {
	h := newHouse(t)
	pair := h.register(t, "alice", "alice@example.com")
	h.tap.Reset()
	for name, token := range map[string]string{
		"garbage":          "garbage",
		"empty":            "",
		"the access token": pair.Access.Reveal(),
		"cut":              pair.Refresh.Reveal()[:40],
		"longer":           pair.Refresh.Reveal() + "A",
		"padded":           pair.Refresh.Reveal() + "=",
	} {
		if _, err := h.refresher().Refresh(t.Context(), secret.New(token)); !errors.Is(err, session.ErrInvalidRefreshToken) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if calls := h.tap.Calls(); len(calls) != 0 {
		t.Errorf("store calls were made: %v", calls)
	}
	h.mustRefresh(t, pair)
}
