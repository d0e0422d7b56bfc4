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
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
)

// Recorded is what a login changes in its account.
type Recorded struct {
	At       time.Time
	Hash     secret.String // the password hash that the account has from now on
	Forgiven int           // the account's Forgiven from now on
}

// LoginStore is the part of the store that records sign-ins.
type LoginStore interface {
	// RecordLogin records a login and decrements the account's SessionsLeft, if the account is active and has the epoch of user. It
	// returns the new SessionsLeft. If the hash differs from the password hash of user, the same write replaces the stored hash,
	// and requires that the account still has the hash of user. If a condition fails, it returns an *account.StaleUserError.
	RecordLogin(ctx context.Context, user account.User, login Recorded) (sessionsLeft int, err error)
	session.StartStore
}

// loginAttempts is how often a login is decided, if the account keeps changing between the decision and the record.
const loginAttempts = 3

// recordLogin records a login that admit allows. It returns the account with the epoch that the login was recorded in and the
// SessionsLeft after it.
//
// admit returns what the login changes. If the account changes after admit has decided, for example by a reset, recordLogin calls
// admit again with the changed account.
func recordLogin(
	ctx context.Context, store LoginStore, user account.User, admit func(account.User) (Recorded, error),
) (account.User, error) {
	for range loginAttempts {
		login, err := admit(user)
		if err != nil {
			return account.User{}, err
		}
		left, err := store.RecordLogin(ctx, user, login)
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
