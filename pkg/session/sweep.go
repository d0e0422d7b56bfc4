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

// MaxPerUser is how many live sessions of all kinds an account has at most, but for logins that are under way at once.
const MaxPerUser = 50

// maxRefill is the most room that a sweep gives. It bounds how many logins can be under way without being seen by the sweep.
const maxRefill = 10

// SweepStore is what making room for sessions needs of the store.
type SweepStore interface {
	Ender
	// ListSessions returns all sessions of a user that the store holds, dead ones too, read consistently.
	ListSessions(ctx context.Context, user id.ID) ([]Session, error)
	// SetSessionsLeft sets the account's room to room if it is still what it was when seen; otherwise it does nothing.
	SetSessionsLeft(ctx context.Context, user id.ID, seen, room int) error
}

// Sweep ends what is too much, once an account's room is used up: dead sessions, and of the live ones the oldest.
//
// Of logins at once each that finds no room left sweeps after its own session is stored, so that the last of these sees
// the sessions of all of them. Only the last to have taken room refills it: the others' counts are stale, and a room that
// stays used up makes the next login sweep again. A sweep that fails therefore fails no login. A login that found room but
// stores its session after the sweep is not seen; the next sweep, maxRefill logins later at most, sees it.
func Sweep(ctx context.Context, store SweepStore, user account.User, now time.Time) {
	if user.SessionsLeft > 0 {
		return
	}
	if err := trySweep(ctx, store, user, now); err != nil {
		reqlog.Add(ctx, slog.String("sweep", err.Error()))
	}
}

func trySweep(ctx context.Context, store SweepStore, user account.User, now time.Time) error {
	sessions, err := store.ListSessions(ctx, user.ID)
	if err != nil {
		return fmt.Errorf("listing the sessions: %w", err)
	}
	kept, ended := partition(sessions, user, now)
	for _, session := range ended {
		if err := store.EndSession(ctx, session.Ref()); err != nil {
			return fmt.Errorf("ending a session: %w", err)
		}
	}
	if err := store.SetSessionsLeft(ctx, user.ID, user.SessionsLeft, min(maxRefill, MaxPerUser-len(kept))); err != nil {
		return fmt.Errorf("refilling the room: %w", err)
	}
	return nil
}

// partition tells the sessions that stay, the youngest live ones, from those that end. A session of a later epoch than the
// user's is live: it began after the user was read.
func partition(sessions []Session, user account.User, now time.Time) (kept, ended []Session) {
	slices.SortFunc(sessions, func(a, b Session) int { return b.Created.Compare(a.Created) })
	for _, session := range sessions {
		live := session.Epoch >= user.Epoch && session.before(now)
		if live && len(kept) < MaxPerUser {
			kept = append(kept, session)
		} else {
			ended = append(ended, session)
		}
	}
	return kept, ended
}
