package session

import (
	"context"
	"fmt"

	"latchkey/pkg/secret"
)

// Ender ends sessions.
type Ender interface {
	// EndSession removes a session; one that is not there is no error.
	EndSession(ctx context.Context, session Ref) error
}

// Logout ends sessions.
type Logout struct {
	*Authenticator
	store  Ender
	tokens refreshOpener
}

// NewLogout returns a Logout.
func NewLogout(credentials *Authenticator, store Ender, tokens refreshOpener) *Logout {
	return &Logout{Authenticator: credentials, store: store, tokens: tokens}
}

// Logout ends every live session that the credentials or a refresh token, of any generation, name. If that is none, the
// answer is ErrAuthenticationRequired, on a repeat too. A call that fails half-way has ended some of the sessions and
// can be repeated for the others.
func (l *Logout) Logout(ctx context.Context, credentials Credentials, refresh secret.String) error {
	all, refusal := l.Present(credentials)
	if claims, err := l.tokens.OpenRefresh(refresh.Reveal()); err == nil {
		all = append(all, Presented{Ref{User: claims.User, Session: claims.Session}, byToken})
		refusal = errNotLive
	}
	live, err := l.live(ctx, all)
	if err != nil {
		return err
	}
	if len(live) == 0 {
		return ErrAuthenticationRequired.Because(refusal)
	}
	for _, caller := range live {
		if err := l.store.EndSession(ctx, caller.Session.Ref()); err != nil {
			return fmt.Errorf("ending the session: %w", err)
		}
	}
	return nil
}
