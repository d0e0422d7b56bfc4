package session

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"latchkey/pkg/account"
	"latchkey/pkg/clock"
	"latchkey/pkg/id"
	"latchkey/pkg/secret"
)

// refreshSealer derives refresh tokens.
type refreshSealer interface {
	// DerivingKey is the id of the key that derives new refresh tokens.
	DerivingKey() string
	// SealRefresh derives the one refresh token that key and claims have: the same arguments give the same text.
	// It fails for a key that is not in the key set.
	SealRefresh(key string, claims RefreshClaims) (secret.String, error)
}

// accessSigner signs access tokens.
type accessSigner interface {
	SignAccess(claims AccessClaims) (secret.String, error)
}

// Pairs begins token sessions and makes their token pairs.
type Pairs struct {
	sealer refreshSealer
	signer accessSigner
	lives  Lifetimes
	now    clock.Clock
	random io.Reader
}

// NewPairs returns a maker of token pairs. random must be a cryptographic source that cannot fail.
func NewPairs(sealer refreshSealer, signer accessSigner, lives Lifetimes, now clock.Clock, random io.Reader) *Pairs {
	return &Pairs{sealer: sealer, signer: signer, lives: lives, now: now, random: random}
}

// Begin makes a new token session for user. It is not stored yet.
func (p *Pairs) Begin(user account.User) Session {
	now := p.now()
	end := clock.WholeSeconds(now).Add(p.lives.SessionMax)
	return Session{
		User:        user.ID,
		ID:          id.New(p.random),
		Kind:        KindTokens,
		Epoch:       user.Epoch,
		Created:     now.Truncate(time.Millisecond),
		LastRenewal: now.Truncate(time.Millisecond),
		KeyID:       p.sealer.DerivingKey(),
		Expires:     clock.Earlier(clock.WholeSeconds(now).Add(p.lives.Refresh), end),
		End:         end,
	}
}

// Issue makes the pair of the session's current generation. The access token is dated to the beginning of that
// generation, so that every call for it gives the same claims, and never outlives the session.
func (p *Pairs) Issue(session Session) (Pair, error) {
	refresh, err := p.sealer.SealRefresh(session.KeyID, RefreshClaims{
		User: session.User, Session: session.ID, Generation: session.Generation,
	})
	if err != nil {
		return Pair{}, fmt.Errorf("deriving the refresh token: %w", err)
	}
	issued := clock.WholeSeconds(session.LastRenewal)
	expires := clock.Earlier(issued.Add(p.lives.Access), clock.Earlier(session.Expires, session.End))
	access, err := p.signer.SignAccess(AccessClaims{
		Subject:  session.User,
		Session:  session.ID,
		ID:       session.ID.String() + "." + strconv.FormatUint(uint64(session.Generation), 10),
		IssuedAt: issued,
		Expires:  expires,
	})
	if err != nil {
		return Pair{}, fmt.Errorf("signing the access token: %w", err)
	}
	left := max(0, expires.Sub(clock.WholeSeconds(p.now())))
	return Pair{Access: access, Refresh: refresh, ExpiresIn: left}, nil
}
