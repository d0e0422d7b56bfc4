// Package session defines sessions: how they start, how a request presents them, how they continue, and when they end.
//
// A session is one sign-in of one account. It is used with a pair of tokens or with a cookie. The package starts sessions,
// issues token pairs, rotates refresh tokens, renews cookies, authenticates requests and ends sessions. It does not decide
// who may sign in; packages signin and signup do.
//
// Like every package of rules, it does not know HTTP, DynamoDB or JWT. Dependencies come in by constructor, through
// interfaces that stand beside the rule that calls them and state their obligations. A decision that only one caller may
// win is one conditional write of the store. The code compares times with its own clock, because the store deletes expired
// items late.
//
// Of the rules it imports account.
package session

import (
	"errors"
	"time"

	"latchkey/pkg/account"
	"latchkey/pkg/fault"
	"latchkey/pkg/id"
)

// Kind is the kind of credential that a session is used with. Its values are stored.
type Kind string

// The kinds of session.
const (
	KindTokens Kind = "tokens" // an access token and a refresh token
	KindCookie Kind = "cookie" // a session cookie
)

// Session is one sign-in of one user.
type Session struct {
	User id.ID
	ID   id.ID
	Kind Kind

	Epoch       uint64    // the user's epoch at the sign-in; the session is valid only while they are equal
	Created     time.Time // to the millisecond
	LastRenewal time.Time // the last refresh, renewal of the cookie, or else Created; to the millisecond

	// Generation and KeyID belong to the current refresh token of a token session.
	Generation uint32
	KeyID      string // the key that derives the refresh token

	// SecretHash is the SHA-256 of the secret in the cookie of a cookie session.
	SecretHash []byte

	Expires time.Time // when the session ends unless it is renewed before; whole seconds
	End     time.Time // when the session ends in any case; whole seconds
}

// Ref returns the reference to the session.
func (s Session) Ref() Ref { return Ref{User: s.User, Session: s.ID} }

// Live reports whether the session is valid at now: its user is active and in the same epoch, and neither end has passed.
func (s Session) Live(user account.User, now time.Time) bool {
	return user.Active && s.Epoch == user.Epoch && s.unexpired(now)
}

// unexpired reports whether now is before both ends of the session. The store may still have a session that has ended.
func (s Session) unexpired(now time.Time) bool {
	return now.Before(s.Expires) && now.Before(s.End)
}

// Ref identifies a session.
type Ref struct {
	User    id.ID
	Session id.ID
}

// Principal is the authenticated caller of a request: a session and its user.
type Principal struct {
	User    account.User
	Session Session
}

// Lifetimes holds the lifetimes of tokens and sessions, in whole seconds.
type Lifetimes struct {
	Access     time.Duration // of an access token, from its issue
	Refresh    time.Duration // of a refresh token, from its issue
	Grace      time.Duration // the time in which a replaced refresh token still returns its successor
	SessionMax time.Duration // of a token session, even if it is refreshed

	CookieIdle     time.Duration // of a cookie session that is not used
	CookieAbsolute time.Duration // of a cookie session, even if it is used
}

// ErrAuthenticationRequired is the single response to credentials that are missing or not valid.
var ErrAuthenticationRequired = &fault.Fault{
	Kind: fault.Unauthenticated, Code: "authentication_required", Detail: "Authentication required",
}

// ErrInvalidRefreshToken is the single response to a refresh token that cannot be used, for any reason.
var ErrInvalidRefreshToken = &fault.Fault{Kind: fault.Refused, Code: "invalid_refresh_token", Detail: "Invalid refresh token"}

// errEnded is the cause when credentials verify but their session is not live.
var errEnded = errors.New("the session has ended")

// StaleError reports that a session has changed since it was read. Current is the session as it is now, and zero if it no
// longer exists.
type StaleError struct{ Current Session }

func (*StaleError) Error() string { return "the session has changed since it was read" }
