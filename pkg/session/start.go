package session

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"latchkey/pkg/account"
	"latchkey/pkg/id"
	"latchkey/pkg/reqlog"
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

// MaxPerUser is the maximum number of live sessions that an account has, of all kinds. Concurrent logins can exceed it for a
// short time.
const MaxPerUser = 50

// maxRefill is the maximum of SessionsLeft after a sweep. It bounds the number of logins in progress that a sweep can miss.
const maxRefill = 10

// SweepStore is the part of the store that limits the sessions of an account.
type SweepStore interface {
	Ender
	// ListSessions returns all sessions of a user that the store has, also those that have ended, in a consistent read.
	ListSessions(ctx context.Context, user id.ID) ([]Session, error)
	// SetSessionsLeft sets the account's SessionsLeft to left if it still has the value seen. Otherwise it does nothing.
	SetSessionsLeft(ctx context.Context, user id.ID, seen, left int) error
}

// Sweep enforces MaxPerUser once user has no sessions left. It deletes the sessions that have ended, and the oldest of the
// live ones over the limit.
//
// Every login that finds no sessions left sweeps after it has stored its own session, so the last of several concurrent
// logins sees the sessions of all of them. Only the last one to have decremented SessionsLeft refills it, because the values
// that the others saw are stale. If a refill is missing, the next login sweeps again, so a failed sweep is logged and does
// not fail the login. A sweep misses a login that still found a session left but stores it only after the sweep. A later
// sweep, at most maxRefill logins on, sees it.
func Sweep(ctx context.Context, store SweepStore, user account.User, now time.Time) {
	if user.SessionsLeft > 0 {
		return
	}
	if err := sweep(ctx, store, user, now); err != nil {
		reqlog.Add(ctx, slog.String("sweep", err.Error()))
	}
}

func sweep(ctx context.Context, store SweepStore, user account.User, now time.Time) error {
	sessions, err := store.ListSessions(ctx, user.ID)
	if err != nil {
		return fmt.Errorf("listing the sessions: %w", err)
	}
	kept, excess := partition(sessions, user, now)
	for _, session := range excess {
		if err := store.EndSession(ctx, session.Ref()); err != nil {
			return fmt.Errorf("ending a session: %w", err)
		}
	}
	if err := store.SetSessionsLeft(ctx, user.ID, user.SessionsLeft, min(maxRefill, MaxPerUser-len(kept))); err != nil {
		return fmt.Errorf("refilling the sessions left: %w", err)
	}
	return nil
}

// partition separates the sessions to keep, which are the newest live ones, from the sessions to end. A session with a later
// epoch than the user's is live, because it started after the user was read.
func partition(sessions []Session, user account.User, now time.Time) (kept, excess []Session) {
	slices.SortFunc(sessions, func(a, b Session) int { return b.Created.Compare(a.Created) })
	for _, session := range sessions {
		live := session.Epoch >= user.Epoch && session.unexpired(now)
		if live && len(kept) < MaxPerUser {
			kept = append(kept, session)
		} else {
			excess = append(excess, session)
		}
	}
	return kept, excess
}
