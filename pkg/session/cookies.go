package session

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"latchkey/pkg/account"
	"latchkey/pkg/clock"
	"latchkey/pkg/id"
	"latchkey/pkg/random"
	"latchkey/pkg/reqlog"
	"latchkey/pkg/secret"
)

// Cookies starts and renews cookie sessions.
type Cookies struct {
	lives  Lifetimes
	now    clock.Clock
	random io.Reader
}

// NewCookies returns a Cookies. random must be a cryptographic source that cannot fail.
func NewCookies(lives Lifetimes, now clock.Clock, random io.Reader) *Cookies {
	return &Cookies{lives: lives, now: now, random: random}
}

// Begin returns a new cookie session of user and the value of its cookie. The caller must store the session. Its id and its
// secret are always new, which prevents session fixation: a cookie that the browser already has is never reused.
func (c *Cookies) Begin(user account.User) (Session, secret.String) {
	now := c.now()
	key := random.Bytes(c.random, cookieSecretSize)
	sum := sha256.Sum256(key)
	session := Session{
		User:        user.ID,
		ID:          id.New(c.random),
		Kind:        KindCookie,
		Epoch:       user.Epoch,
		Created:     now.Truncate(time.Millisecond),
		LastRenewal: now.Truncate(time.Millisecond),
		SecretHash:  sum[:],
		Expires:     clock.WholeSeconds(now).Add(min(c.lives.CookieIdle, c.lives.CookieAbsolute)),
		End:         clock.WholeSeconds(now).Add(c.lives.CookieAbsolute),
	}
	return session, sealCookie(session.Ref(), key)
}

// Renewal extends a cookie session.
type Renewal struct {
	Session     Ref
	Epoch       uint64    // the epoch that the session must have
	LastRenewal time.Time // the last renewal that the session must have; of two concurrent renewals one succeeds
	At          time.Time // the time of this renewal
	Expires     time.Time // the new time at which the session ends unless it is renewed again
}

// maxRenewalInterval is the maximum time that a session in use is not renewed.
const maxRenewalInterval = time.Hour

// renewalDue reports whether a session in use should be renewed. The interval keeps the number of writes low.
func (c *Cookies) renewalDue(session Session) bool {
	return !c.now().Before(session.LastRenewal.Add(min(maxRenewalInterval, c.lives.CookieIdle/4)))
}

// renew extends a session if that is due, and reports whether it did. A failed renewal does not fail the request, because
// the next request tries again.
func (c *Cookies) renew(ctx context.Context, store Store, session Session) bool {
	if !c.renewalDue(session) {
		return false
	}
	now := c.now()
	err := store.RenewSession(ctx, Renewal{
		Session:     session.Ref(),
		Epoch:       session.Epoch,
		LastRenewal: session.LastRenewal,
		At:          now.Truncate(time.Millisecond),
		Expires:     clock.Earlier(clock.WholeSeconds(now).Add(c.lives.CookieIdle), session.End),
	})
	if _, stale := errors.AsType[*StaleError](err); err != nil && !stale {
		reqlog.Add(ctx, slog.String("renewal", fmt.Sprint(err)))
	}
	return err == nil
}
