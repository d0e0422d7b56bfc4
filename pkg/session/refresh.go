package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"latchkey/pkg/account"
	"latchkey/pkg/clock"
	"latchkey/pkg/fault"
	"latchkey/pkg/id"
	"latchkey/pkg/reqlog"
	"latchkey/pkg/secret"
)

// The state machine of a token session
//
// A session is live or it is gone; while live it stands at a generation g, a number that only grows.
//
//	            login, register            refresh: g → g+1
//	(nothing) ───────────────────▶ live(g) ────────────────▶ live(g+1)
//	                                  │
//	                                  │ logout; reuse; the user's epoch rises or it is disabled; an end comes
//	                                  ▼
//	                                 gone
//
// Each generation has one refresh token and one access token's claims, both derived: from the user, the session, the
// generation, and what the session's item holds about that generation (when it began, which key derives it). So whoever
// is entitled to a generation's pair can be given it again.
//
// Who may move it. A refresh with the token of g moves live(g) to live(g+1) by one conditional write. The write demands
// that the item is there, that it stands at g, that its epoch is that of the user, who was read before and was active, and
// that neither of its ends has come. No other caller moves a session forward; whoever holds a live session's credential
// may end it.
//
// Two at once with the token of g: the store lets one write through. The other's is refused and brings the item back,
// which stands at g+1 since a moment ago: within the grace window the answer is the pair of g+1, which is what the winner
// got. So parallel tabs and impatient clients all hold the same, current token.
//
// A lost answer. Lost between client and us: the client repeats with the token of g and meets the case above. Lost between
// us and the store: the SDK repeats the write, which is refused, but the item says that our own operation wrote it last;
// that is our success, even with no grace window at all.
//
// Killed between two writes: there is one write. Before it nothing has happened, after it the case of a lost answer.
//
// Reuse. The token of g after the window, or of any generation before: somebody holds a token that its successor has
// replaced, client or thief (RFC 9700 §4.14.2). The session ends for both, and a security event is logged. A token that
// does not verify was not made by us and ends nothing; neither does a token of a session that no longer counts.
//
// Invariants, each held by a test:
//   - one generation has one refresh token, one jti, one iat, one exp;
//   - a generation is entered once;
//   - a session that is gone never comes back: no write makes an item that is not there;
//   - a session whose epoch is not its user's is gone, whatever its item says, and a refresh does not carry it over;
//   - no access token outlives its session's ends;
//   - a store that does not answer is no refusal.

// ErrInvalidRefreshToken is the one answer to a refresh token that cannot be used, whatever the reason.
var ErrInvalidRefreshToken = &fault.Fault{Kind: fault.Refused, Code: "invalid_refresh_token", Detail: "Invalid refresh token"}

// Rotation is the move of a session from one generation to the next.
type Rotation struct {
	User    id.ID
	Session id.ID
	From    uint32    // the generation that the session must stand at
	Epoch   uint64    // that it must carry
	KeyID   string    // that derives the next generation's refresh token
	At      time.Time // when the next generation begins
	Expires time.Time // the session's end unless it is used again, once it has moved
}

// RefreshStore is what refreshing needs of the store.
type RefreshStore interface {
	// ReadUser returns an account, read consistently, or ErrNotFound.
	ReadUser(ctx context.Context, user id.ID) (account.User, error)
	// RotateSession makes the move if the session is there, stands at the generation, carries the epoch and has not
	// ended at rotation.At, and returns it moved: of several callers one wins. Otherwise it returns a
	// *StaleSessionError. A move of its own that is found done is a success.
	RotateSession(ctx context.Context, rotation Rotation) (Session, error)
	Ender
}

func (*StaleError) Error() string { return "the session does not stand where it was expected" }

// refreshOpener reads refresh tokens without a call to anything.
type refreshOpener interface {
	// OpenRefresh returns the claims of a token, or an error for a token that no key of the set made.
	OpenRefresh(token string) (RefreshClaims, error)
}

// Refresher continues sessions.
type Refresher struct {
	store  RefreshStore
	tokens refreshOpener
	pairs  *Pairs
	log    *slog.Logger
}

// NewRefresher returns a Refresher. Security events go to log.
func NewRefresher(store RefreshStore, tokens refreshOpener, pairs *Pairs, log *slog.Logger) *Refresher {
	return &Refresher{store: store, tokens: tokens, pairs: pairs, log: log}
}

// Refresh exchanges a refresh token for the next pair of its session. Whatever makes a token unusable is
// ErrInvalidRefreshToken; a store that does not answer is not.
func (r *Refresher) Refresh(ctx context.Context, token secret.String) (Pair, error) {
	claims, err := r.tokens.OpenRefresh(token.Reveal())
	if err != nil {
		return Pair{}, ErrInvalidRefreshToken.Because(err)
	}
	reqlog.User(ctx, claims.User)
	user, err := r.store.ReadUser(ctx, claims.User)
	if errors.Is(err, account.ErrNotFound) || err == nil && !user.Active {
		return Pair{}, ErrInvalidRefreshToken.Because(errors.New("the account is gone or disabled"))
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
		return Pair{}, fmt.Errorf("moving the session: %w", err)
	}
	return r.pairs.Issue(session)
}

// replaced decides about a token whose session does not stand at its generation.
func (r *Refresher) replaced(
	ctx context.Context, claims RefreshClaims, user account.User, current Session, now time.Time,
) (Pair, error) {
	if current.ID.IsZero() || !current.Live(user, now) {
		return Pair{}, ErrInvalidRefreshToken.Because(errors.New("the session has ended"))
	}
	if current.Generation == claims.Generation+1 && r.pairs.inGrace(current, now) {
		return r.pairs.Issue(current)
	}
	if err := r.store.EndSession(ctx, current.Ref()); err != nil {
		return Pair{}, fmt.Errorf("ending the session of a reused token: %w", err)
	}
	r.log.WarnContext(ctx, "security event", "event", "refresh_token_reuse",
		"user_id", user.ID.String(), "session_id", current.ID.String(),
		"generation", claims.Generation, "current_generation", current.Generation)
	return Pair{}, ErrInvalidRefreshToken.Because(errors.New("the token was used before"))
}

// rotation is the move that a token of claims asks for, by a user as read.
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

// inGrace says whether the token that session's generation has replaced may still be answered with its successor.
func (p *Pairs) inGrace(session Session, now time.Time) bool {
	return p.lives.Grace > 0 && !now.After(session.LastRenewal.Add(p.lives.Grace))
}
