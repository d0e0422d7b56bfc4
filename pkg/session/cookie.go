package session

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
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

// cookieSecretSize is the random part of a session cookie, in bytes: 256 bits (ASVS 5.0 V7.2.3 asks for 128).
const cookieSecretSize = 32

const cookieSize = 2*id.Size + cookieSecretSize

// cookieCode is the text form of a cookie: base64url without padding, in its one spelling.
var cookieCode = base64.RawURLEncoding.Strict()

// sealCookie makes the value of a session's cookie. Only the hash of its secret is stored.
func sealCookie(session Ref, key []byte) secret.String {
	value := append(append(session.User[:], session.Session[:]...), key...)
	return secret.New(base64.RawURLEncoding.EncodeToString(value))
}

// openCookie reads what sealCookie writes and no other spelling of it.
func openCookie(cookie secret.String) (Ref, []byte, error) {
	if len(cookie.Reveal()) != base64.RawURLEncoding.EncodedLen(cookieSize) {
		return Ref{}, nil, errors.New("the cookie has another length")
	}
	value, err := cookieCode.DecodeString(cookie.Reveal())
	if err != nil || len(value) != cookieSize {
		return Ref{}, nil, errors.New("the cookie does not decode")
	}
	ref := Ref{User: id.ID(value[:id.Size]), Session: id.ID(value[id.Size : 2*id.Size])}
	return ref, value[2*id.Size:], nil
}

// opens says, in constant time, whether key is the secret of the session's cookie.
func (s Session) opens(key []byte) bool {
	sum := sha256.Sum256(key)
	return s.Kind == KindCookie && subtle.ConstantTimeCompare(sum[:], s.SecretHash) == 1
}

// Cookies begins and renews cookie sessions.
type Cookies struct {
	lives  Lifetimes
	now    clock.Clock
	random io.Reader
}

// NewCookies returns a maker of cookie sessions. random must be a cryptographic source that cannot fail.
func NewCookies(lives Lifetimes, now clock.Clock, random io.Reader) *Cookies {
	return &Cookies{lives: lives, now: now, random: random}
}

// Begin makes a new cookie session for user, with a new id and a new secret: whatever cookie the browser had is never
// taken over. It is not stored yet.
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

// maxRenewal is how long a used cookie session is left as it is at most.
const maxRenewal = time.Hour

// renewalDue says whether the session should be continued now: hourly at most, so that use costs few writes.
func (c *Cookies) renewalDue(session Session) bool {
	return !c.now().Before(session.LastRenewal.Add(min(maxRenewal, c.lives.CookieIdle/4)))
}

// Renewal continues a cookie session.
type Renewal struct {
	Session     Ref
	Epoch       uint64    // that the session must carry
	LastRenewal time.Time // when it was last continued; of two renewals at once one is done
	At          time.Time // when it is continued now
	Expires     time.Time // its end unless it is used again
}

// renewalStore is what renewing needs of the store.
type renewalStore interface {
	// RenewSession makes the renewal if the session is there, carries the epoch, was last continued when the renewal
	// says and has not ended; otherwise it returns a *StaleSessionError. A write of its own that is found done is a
	// success.
	RenewSession(ctx context.Context, renewal Renewal) error
}

// renew continues a session that is due. A renewal that fails fails no request: the next one tries again.
func (c *Cookies) renew(ctx context.Context, store renewalStore, session Session) bool {
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
