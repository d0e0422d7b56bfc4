package session

import (
	"context"
	"fmt"

	"latchkey/pkg/reqlog"
	"latchkey/pkg/secret"
)

// Ender is the part of the store that ends sessions.
type Ender interface {
	// EndSession deletes a session. A session that does not exist is not an error.
	EndSession(ctx context.Context, session Ref) error
}

// Logout ends sessions at the request of their users.
type Logout struct {
	sessions *Authenticator
	store    Ender
	tokens   refreshOpener
}

// NewLogout returns a Logout.
func NewLogout(sessions *Authenticator, store Ender, tokens refreshOpener) *Logout {
	return &Logout{sessions: sessions, store: store, tokens: tokens}
}

// Logout ends every live session that the credentials of the request name, and the session of a refresh token of any
// generation. If there is no live session, as at a repeated logout, it returns ErrAuthenticationRequired. A call that fails may
// have ended some of the sessions, and can be repeated for the rest.
func (l *Logout) Logout(ctx context.Context, request Resolution, refresh secret.String) error {
	if claims, err := l.tokens.OpenRefresh(refresh.Reveal()); err == nil {
		request.candidates.add(Ref{User: claims.User, Session: claims.Session}, hasTokens, nil)
		request.candidates.refusal = errEnded
	}
	request, err := l.sessions.read(ctx, request)
	if err != nil {
		return err
	}
	if len(request.live) == 0 {
		return ErrAuthenticationRequired.Because(request.candidates.refusal)
	}
	reqlog.User(ctx, request.live[0].User.ID)
	for _, principal := range request.live {
		if err := l.store.EndSession(ctx, principal.Session.Ref()); err != nil {
			return fmt.Errorf("ending the session: %w", err)
		}
	}
	return nil
}
