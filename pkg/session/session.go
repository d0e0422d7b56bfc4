package session

import (
	"time"

	"latchkey/pkg/account"
	"latchkey/pkg/id"
	"latchkey/pkg/secret"
)

// Kind says which credential a session is used with.
type Kind string

// The kinds of session.
const (
	KindTokens Kind = "tokens" // used with an access and a refresh token
	KindCookie Kind = "cookie" // used with a cookie
)

// Session is one sign-in of one user.
type Session struct {
	User id.ID
	ID   id.ID
	Kind Kind

	Epoch   uint64    // the user's epoch at birth; the session counts only while they are equal
	Created time.Time // to the millisecond

	// Rotated is when the session was last continued, to the millisecond: by a refresh, or by the renewal of its cookie.
	LastRenewal time.Time

	// Of a token session.
	Generation uint32 // of the refresh token that is current
	KeyID      string // of the key that derives that generation's refresh token

	// SecretHash is the SHA-256 of a cookie's secret.
	SecretHash []byte

	Expires time.Time // whole seconds: the end unless the session is used again before
	End     time.Time // whole seconds: the end in any case
}

// Ref names the session.
func (s Session) Ref() Ref { return Ref{User: s.User, Session: s.ID} }

// Live says whether the session counts at now: its user is active and in the same epoch, and neither end has come.
func (s Session) Live(user account.User, now time.Time) bool {
	return user.Active && s.Epoch == user.Epoch && s.before(now)
}

// before says whether now lies before both of the session's ends, whatever the store still holds.
func (s Session) before(now time.Time) bool {
	return now.Before(s.Expires) && now.Before(s.End)
}

// AccessClaims is what an access token says. Times are whole seconds.
type AccessClaims struct {
	Subject  id.ID
	Session  id.ID
	ID       string // jti
	IssuedAt time.Time
	Expires  time.Time
}

// RefreshClaims is what a refresh token says.
type RefreshClaims struct {
	User       id.ID
	Session    id.ID
	Generation uint32
}

// Pair is what a client gets for signing in or refreshing.
type Pair struct {
	Access    secret.String
	Refresh   secret.String
	ExpiresIn time.Duration // until the access token ends, whole seconds
}
