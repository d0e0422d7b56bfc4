package auth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"latchkey/pkg/id"
	"latchkey/pkg/reqlog"
	"latchkey/pkg/secret"
)

// SessionReader reads what decides whether sessions count.
type SessionReader interface {
	// ReadSessions returns those of the sessions that are there, each with its user, read consistently in one call.
	// A session or user that is missing is left out; doubled references are read once.
	ReadSessions(ctx context.Context, sessions []SessionRef) ([]Caller, error)
}

// accessVerifier checks access tokens without a call to anything.
type accessVerifier interface {
	// VerifyAccess returns the claims of a token that this authority signed and that has not expired at now.
	VerifyAccess(token string, now time.Time) (AccessClaims, error)
}

// SessionRef names a session.
type SessionRef struct {
	User    id.ID
	Session id.ID
}

// Caller is who makes a request: a session and its user.
type Caller struct {
	User    User
	Session Session
}

// Credentials are what a request carries to show who makes it. An absent one is empty.
type Credentials struct {
	Access secret.String // an access token (RFC 6750)
}

// Authenticator resolves credentials to who presents them.
type Authenticator struct {
	store  SessionReader
	tokens accessVerifier
	now    Clock
}

// NewAuthenticator returns an Authenticator.
func NewAuthenticator(store SessionReader, tokens accessVerifier, now Clock) *Authenticator {
	return &Authenticator{store: store, tokens: tokens, now: now}
}

// Authenticate returns who presents the credentials. If none belongs to a live session, whatever the reason, the answer
// is ErrAuthenticationRequired; a store that does not answer is not.
func (a *Authenticator) Authenticate(ctx context.Context, credentials Credentials) (Caller, error) {
	named, refusal := a.name(credentials)
	live, err := a.live(ctx, named)
	if err != nil {
		return Caller{}, err
	}
	if len(live) == 0 {
		return Caller{}, ErrAuthenticationRequired.Because(refusal)
	}
	return live[0], nil
}

// errNotLive is why a credential that verifies does not count.
var errNotLive = errors.New("the session has ended")

// name returns the sessions that the credentials name, as far as they verify, and why it would be none.
func (a *Authenticator) name(credentials Credentials) ([]SessionRef, error) {
	if credentials.Access.IsZero() {
		return nil, errors.New("no credential")
	}
	claims, err := a.tokens.VerifyAccess(credentials.Access.Reveal(), a.now())
	if err != nil {
		return nil, err
	}
	return []SessionRef{{User: claims.Subject, Session: claims.Session}}, errNotLive
}

// live returns those of the sessions that count now, in their order. It makes no call for none.
func (a *Authenticator) live(ctx context.Context, named []SessionRef) ([]Caller, error) {
	if len(named) == 0 {
		return nil, nil
	}
	callers, err := a.store.ReadSessions(ctx, named)
	if err != nil {
		return nil, fmt.Errorf("reading the session: %w", err)
	}
	now := a.now()
	var live []Caller
	for _, caller := range callers {
		reqlog.User(ctx, caller.User.ID)
		if caller.Session.Live(caller.User, now) {
			live = append(live, caller)
		}
	}
	return live, nil
}
