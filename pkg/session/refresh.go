package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"latchkey/pkg/account"
	"latchkey/pkg/clock"
	"latchkey/pkg/id"
	"latchkey/pkg/reqlog"
	"latchkey/pkg/secret"
)

// The state machine of a token session
//
// A session is live or ended. A live session has a generation g, a number that only grows.
//
//	            login, register            refresh: g → g+1
//	(nothing) ───────────────────▶ live(g) ────────────────▶ live(g+1)
//	                                  │
//	                                  │ logout; reuse; an end passes; the user's epoch rises; the user is disabled
//	                                  ▼
//	                                ended
//
// A generation has one refresh token, and one set of claims for its access token. Both are derived from the user, the
// session, the generation, and what the session's item holds about the generation: when it began and which key derives its
// refresh token. A caller that is entitled to the pair of a generation can therefore get it again.
//
// Transitions. A refresh with the token of g moves live(g) to live(g+1) by one conditional write. The write requires that
// the item exists and is at g, that its epoch is the epoch of the user, who was read before and was active, and that neither
// end of the session has passed. Nothing else moves a session forward. Any valid credential of a live session can end it.
//
// Concurrent refreshes with the token of g. The store lets one write through. It refuses the other one and returns the
// item, which is now at g+1. Within the grace window, the response to the second request is the pair of g+1, which is the
// pair that the first request got. Parallel tabs and impatient clients therefore all have the same, current token.
//
// Lost responses. If a response is lost on its way to the client, the client repeats the request with the token of g, which
// is the case above. If a response of the store is lost, the SDK repeats the write. The store refuses the repeated write, but
// the item shows that this operation wrote it last, so the refresh succeeds, even without a grace window.
//
// Crashes. There is only one write. A crash before it changes nothing, and a crash after it is a lost response.
//
// Reuse. The token of g after the grace window, and the token of any older generation, have been replaced. The client or a
// thief is using such a token (RFC 9700 §4.14.2), so the session ends for both, and a security event is logged. A token that
// does not verify was not issued by this service and ends nothing. A token of a session that is not live ends nothing either.
//
// Invariants, each covered by a test:
//   - A generation has one refresh token, one jti, one iat and one exp.
//   - A generation is entered once.
//   - An ended session never becomes live again: no write creates an item that does not exist.
//   - A session has ended once its epoch differs from its user's, regardless of its item, and a refresh does not revive it.
//   - No access token outlives its session.
//   - If the store fails, the response is an error and not a refusal.

// Rotation moves a session from one generation to the next.
type Rotation struct {
	User    id.ID
	Session id.ID
	From    uint32    // the generation that the session must be at
	Epoch   uint64    // the epoch that the session must have
	KeyID   string    // the key that derives the refresh token of the next generation
	At      time.Time // when the next generation begins
	Expires time.Time // the new time at which the session ends unless it is refreshed again
}

// RefreshStore is the part of the store that refreshes sessions.
type RefreshStore interface {
	// ReadUser returns an account in a consistent read, or account.ErrNotFound.
	ReadUser(ctx context.Context, user id.ID) (account.User, error)
	// RotateSession makes the rotation, and returns the session as it then is, if the session exists, has the generation and
	// the epoch that the rotation names, and has not ended at rotation.At. Otherwise it returns a *StaleError. Of concurrent
	// callers one succeeds. If the store finds that this call's own write is already done, the call succeeds.
	RotateSession(ctx context.Context, rotation Rotation) (Session, error)
	Ender
}

// refreshOpener reads refresh tokens without a call to a store.
type refreshOpener interface {
	// OpenRefresh returns the claims of a token, or an error if no key of the key set derived it.
	OpenRefresh(token string) (RefreshClaims, error)
}

// Refresher exchanges refresh tokens.
type Refresher struct {
	store  RefreshStore
	tokens refreshOpener
	pairs  *Pairs
}

// NewRefresher returns a Refresher. It reports security events to [reqlog].
func NewRefresher(store RefreshStore, tokens refreshOpener, pairs *Pairs) *Refresher {
	return &Refresher{store: store, tokens: tokens, pairs: pairs}
}

// Refresh exchanges a refresh token for the next pair of its session. It returns ErrInvalidRefreshToken for a token that
// cannot be used, for any reason, and another error if the store fails.
func (r *Refresher) Refresh(ctx context.Context, token secret.String) (Pair, error) {
	claims, err := r.tokens.OpenRefresh(token.Reveal())
	if err != nil {
		return Pair{}, ErrInvalidRefreshToken.Because(err)
	}
	reqlog.User(ctx, claims.User)
	user, err := r.store.ReadUser(ctx, claims.User)
	if errors.Is(err, account.ErrNotFound) || err == nil && !user.Active {
		return Pair{}, ErrInvalidRefreshToken.Because(errors.New("the account does not exist or is disabled"))
	}
	if err != nil {
		return Pair{}, fmt.Errorf("reading the account: %w", err)
	}
	rotation := r.pairs.rotation(claims, user)
	session, err := r.store.RotateSession(ctx, rotation)
	if stale, ok := errors.AsType[*StaleError](err); ok {
		return r.replaced(ctx, claims, user, stale.Current, rotation.At)
	}
	if err != nil {
		return Pair{}, fmt.Errorf("rotating the session: %w", err)
	}
	return r.pairs.Issue(session)
}

// replaced decides about a token whose session is not at the token's generation.
func (r *Refresher) replaced(
	ctx context.Context, claims RefreshClaims, user account.User, current Session, now time.Time,
) (Pair, error) {
	if current.ID.IsZero() || !current.Live(user, now) {
		return Pair{}, ErrInvalidRefreshToken.Because(errEnded)
	}
	if current.Generation == claims.Generation+1 && r.pairs.inGrace(current, now) {
		return r.pairs.issueAgain(current)
	}
	if err := r.store.EndSession(ctx, current.Ref()); err != nil {
		return Pair{}, fmt.Errorf("ending the session of a reused token: %w", err)
	}
	reqlog.Event(ctx, "refresh_token_reuse", slog.String("session_id", current.ID.String()))
	return Pair{}, ErrInvalidRefreshToken
}

// rotation returns the rotation for a token with these claims. user is the account as it was read.
func (p *Pairs) rotation(claims RefreshClaims, user account.User) Rotation {
	now := p.now()
	return Rotation{
		User:    claims.User,
		Session: claims.Session,
		From:    claims.Generation,
		Epoch:   user.Epoch,
		KeyID:   p.sealer.DerivingKey(),
		At:      now.Truncate(time.Millisecond),
		Expires: clock.WholeSeconds(now).Add(p.lives.Refresh),
	}
}

// inGrace reports whether the token that the session's generation replaced may still return its successor.
func (p *Pairs) inGrace(session Session, now time.Time) bool {
	return p.lives.Grace > 0 && !now.After(session.LastRenewal.Add(p.lives.Grace))
}
