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

// AccessClaims is the content of an access token. Times are whole seconds.
type AccessClaims struct {
	Subject  id.ID
	Session  id.ID
	ID       string // the jti claim
	IssuedAt time.Time
	Expires  time.Time
}

// RefreshClaims is the content of a refresh token.
type RefreshClaims struct {
	User       id.ID
	Session    id.ID
	Generation uint32
}

// Pair is the response to a sign-in or a refresh.
type Pair struct {
	Access    secret.String
	Refresh   secret.String
	ExpiresIn time.Duration // the remaining lifetime of the access token, in whole seconds
}

// refreshSealer derives refresh tokens.
type refreshSealer interface {
	// DerivingKey returns the id of the key that derives new refresh tokens.
	DerivingKey() string
	// SealRefresh derives the refresh token for the claims with the key. The same arguments give the same text. It returns
	// an error for a key that is not in the key set.
	SealRefresh(key string, claims RefreshClaims) (secret.String, error)
}

// accessSigner signs access tokens.
type accessSigner interface {
	SignAccess(claims AccessClaims) (secret.String, error)
}

// Pairs starts token sessions and issues their token pairs.
type Pairs struct {
	sealer refreshSealer
	signer accessSigner
	lives  Lifetimes
	now    clock.Clock
	random io.Reader
}

// NewPairs returns a Pairs. random must be a cryptographic source that cannot fail.
func NewPairs(sealer refreshSealer, signer accessSigner, lives Lifetimes, now clock.Clock, random io.Reader) *Pairs {
	return &Pairs{sealer: sealer, signer: signer, lives: lives, now: now, random: random}
}

// Begin returns a new token session of user. The caller must store it.
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

// Issue returns the token pair of the session's current generation, which has just begun. The access token is issued as of that
// moment, and does not outlive the session.
func (p *Pairs) Issue(session Session) (Pair, error) { return p.issueAt(session, session.LastRenewal) }

// issueAgain returns the pair of a generation that began earlier. It has the same claims, and less time remains.
func (p *Pairs) issueAgain(session Session) (Pair, error) { return p.issueAt(session, p.now()) }

func (p *Pairs) issueAt(session Session, now time.Time) (Pair, error) {
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
	left := max(0, expires.Sub(clock.WholeSeconds(now)))
	return Pair{Access: access, Refresh: refresh, ExpiresIn: left}, nil
}
