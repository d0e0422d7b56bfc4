package session

import (
	"context"
	"fmt"
	"time"

	"latchkey/pkg/account"
)

// StartStore is what starting a session needs of the store.
type StartStore interface {
	// PutSession stores a new session.
	PutSession(ctx context.Context, session Session) error
	SweepStore
}

// Start stores a new session of user and, if the account's room is used up, ends the sessions that exceed the limit.
func Start(ctx context.Context, store StartStore, user account.User, session Session, now time.Time) error {
	if err := store.PutSession(ctx, session); err != nil {
		return fmt.Errorf("storing the session: %w", err)
	}
	Sweep(ctx, store, user, now)
	return nil
}
