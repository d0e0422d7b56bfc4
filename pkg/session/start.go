package session

import (
	"context"
	"fmt"
	"time"

	"latchkey/pkg/account"
)

// StartStore is the part of the store that starts sessions.
type StartStore interface {
	// PutSession stores a new session.
	PutSession(ctx context.Context, session Session) error
	SweepStore
}

// Start stores a new session of user. If the account has no sessions left, it also ends the sessions over the limit.
func Start(ctx context.Context, store StartStore, user account.User, session Session, now time.Time) error {
	if err := store.PutSession(ctx, session); err != nil {
		return fmt.Errorf("storing the session: %w", err)
	}
	Sweep(ctx, store, user, now)
	return nil
}
