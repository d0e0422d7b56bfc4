package session

import (
	"context"
	"fmt"

	"latchkey/pkg/reqlog"
	"latchkey/pkg/secret"
)

// Ender ends sessions.
type Ender interface {
	// EndSession removes a session; one that does not exist is no error.
	EndSession(ctx context.Context, session Ref) error
}

// Logout ends sessions.
type Logout struct {
	sessions *Authenticator
	store    Ender
	tokens   refreshOpener
}

// NewLogout returns a Logout.
func NewLogout(sessions *Authenticator, store Ender, tokens refreshOpener) *Logout {
	return &Logout{sessions: sessions, store: store, tokens: tokens}
}

// Logout ends every live session that the request's credentials, or a refresh token of any generation, name. If there is none,
// the error is ErrAuthenticationRequired, on a repetition too. A call that fails part-way has ended some of the sessions and can
// be repeated for the others.
func (l *Logout) Logout(ctx context.Context, request Resolution, refresh secret.String) error {
	if claims, err := l.tokens.OpenRefresh(refresh.Reveal()); err == nil {
		request.presentation.sessions = append(request.presentation.sessions, candidate{Ref{User: claims.User, Session: claims.Session}, byToken})
		request.presentation.refusal = errNotLive
	}
	request, err := l.sessions.read(ctx, request)
	if err != nil {
		return err
	}
	if len(request.live) == 0 {
		return ErrAuthenticationRequired.Because(request.presentation.refusal)
	}
	reqlog.User(ctx, request.live[0].User.ID)
	for _, principal := range request.live {
		if err := l.store.EndSession(ctx, principal.Session.Ref()); err != nil {
			return fmt.Errorf("ending the session: %w", err)
		}
	}
	return nil
}
