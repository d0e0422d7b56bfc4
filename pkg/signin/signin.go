// Package signin signs users in to existing accounts, by a password or by an identity at a provider. The first sign-in by an
// identity can also create the account.
//
// It decides which account a sign-in opens. It does not speak the protocols of providers, which package oauth does, and it
// does not decide how a session continues, which package session does.
//
// Of the rules it imports account, session, outbox and guard.
package signin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"latchkey/pkg/account"
	"latchkey/pkg/clock"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
)

// LoginStore is the part of the store that records sign-ins.
type LoginStore interface {
	// FindUser returns the account with the login name in a consistent read, or account.ErrNotFound. It makes the same calls
	// in both cases, so their responses take equally long.
	FindUser(ctx context.Context, login account.LoginName) (account.User, error)
	// RecordLogin records a login at now and decrements the account's SessionsLeft, if the account is active and has the epoch
	// of user. It returns the new SessionsLeft. If hash differs from the password hash of user, the same write replaces the
	// stored hash, and requires that the account still has the hash of user. If a condition fails, it returns an
	// *account.StaleUserError.
	RecordLogin(ctx context.Context, user account.User, hash secret.String, now time.Time) (sessionsLeft int, err error)
	session.StartStore
}

// loginAttempts is how often a login is decided, if the account keeps changing between the decision and the record.
const loginAttempts = 3

// recordLogin records a login that admit allows. It returns the account with the epoch that the login was recorded in and the
// SessionsLeft after it.
//
// admit returns the password hash that the account then has. If the account changes after admit has decided, for example by a
// reset, recordLogin calls admit again with the changed account.
func recordLogin(
	ctx context.Context, store LoginStore, user account.User, now clock.Clock, admit func(account.User) (secret.String, error),
) (account.User, error) {
	for range loginAttempts {
		hash, err := admit(user)
		if err != nil {
			return account.User{}, err
		}
		left, err := store.RecordLogin(ctx, user, hash, now())
		if stale, ok := errors.AsType[*account.StaleUserError](err); ok {
			user = stale.Current
			continue
		}
		if err != nil {
			return account.User{}, fmt.Errorf("recording the login: %w", err)
		}
		user.SessionsLeft = left
		return user, nil
	}
	return account.User{}, errors.New("recording the login: the account kept changing")
}

func requireActive(user account.User) error {
	if !user.Active {
		return account.ErrAccountInactive
	}
	return nil
}
