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

// SessionReader reads what decides whether a session counts.
type SessionReader interface {
	// ReadSession returns a session and its user as they stand at one time, read consistently in one call, or
	// ErrNotFound if either is missing.
	ReadSession(ctx context.Context, user, session id.ID) (Session, User, error)
}

// accessVerifier checks access tokens without a call to anything.
type accessVerifier interface {
	// VerifyAccess returns the claims of a token that this authority signed and that has not expired at now.
	VerifyAccess(token string, now time.Time) (AccessClaims, error)
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

// Caller is who makes a request: a live session and its user.
type Caller struct {
	User    User
	Session Session
}

// Bearer resolves an access token (RFC 6750). Whatever is wrong with it is ErrAuthenticationRequired; a store that
// does not answer is not.
func (a *Authenticator) Bearer(ctx context.Context, token secret.String) (Caller, error) {
	now := a.now()
	claims, err := a.tokens.VerifyAccess(token.Reveal(), now)
	if err != nil {
		return Caller{}, ErrAuthenticationRequired.Because(err)
	}
	session, user, err := a.store.ReadSession(ctx, claims.Subject, claims.Session)
	if errors.Is(err, ErrNotFound) {
		return Caller{}, ErrAuthenticationRequired.Because(errors.New("the session is gone"))
	}
	if err != nil {
		return Caller{}, fmt.Errorf("reading the session: %w", err)
	}
	reqlog.User(ctx, user.ID)
	if session.Kind != SessionTokens || !session.Live(user, now) {
		return Caller{}, ErrAuthenticationRequired.Because(errors.New("the session has ended"))
	}
	return Caller{User: user, Session: session}, nil
}
