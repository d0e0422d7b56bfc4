// Package signin signs people in to an account that they have: by a password, or by an identity at a provider.
package signin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"latchkey/pkg/account"
	"latchkey/pkg/clock"
	"latchkey/pkg/guard"
	"latchkey/pkg/id"
	"latchkey/pkg/reqlog"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
)

// LoginStore is what signing in needs of the store.
type LoginStore interface {
	// FindUser returns the account that login names, read consistently, or ErrNotFound. Its calls are the same in
	// both cases, so that an absent account cannot be told from a present one.
	FindUser(ctx context.Context, login account.LoginName) (account.User, error)
	// RecordLogin notes a login at now and takes one from the account's room, if the account is active and in the
	// epoch that user has, and returns the room left. If hash is not the password hash that user has, it takes its
	// place in the same write, which then demands that the account still has user's. Otherwise it returns a
	// *StaleUserError with the account as it stands.
	RecordLogin(ctx context.Context, user account.User, hash secret.String, now time.Time) (room int, err error)
	session.StartStore
}

// passwordVerifier compares a password with what is stored.
type passwordVerifier interface {
	// Verify says whether password made hash. An error means that hash cannot be read, or costs too much, and that
	// nothing was computed.
	Verify(hash, password secret.String) (bool, error)
	// Renew returns what to store for a password that has made hash: hash, or a new one if that is not made as
	// hashes are now.
	Renew(hash, password secret.String) secret.String
	// Dummy is a hash of no password that costs what a real one does.
	Dummy() secret.String
}

// Authority to sign in is decided again when the account changed under a login's hands; this often at most.
const loginAttempts = 3

// Login signs users in with their password.
type Login struct {
	store     LoginStore
	passwords passwordVerifier
	guard     *guard.Guard
	pairs     *session.Pairs
	cookies   *session.Cookies
	now       clock.Clock
	log       *slog.Logger
}

// NewLogin returns a Login. Security events go to log.
func NewLogin(
	store LoginStore, passwords passwordVerifier, guard *guard.Guard, pairs *session.Pairs, cookies *session.Cookies,
	now clock.Clock, log *slog.Logger,
) *Login {
	return &Login{store: store, passwords: passwords, guard: guard, pairs: pairs, cookies: cookies, now: now, log: log}
}

// Login begins a token session for the user whose name and password these are. It returns the pair and the value of the
// device cookie.
//
// An unknown name, a wrong password and an account without one are ErrInvalidCredentials, after the same store calls
// and one hash. A disabled account is ErrAccountInactive, but only to who knows its password. Too many tries are a
// [fault.Limited], without a hash.
func (l *Login) Login(ctx context.Context, asked guard.Attempt) (session.Pair, secret.String, error) {
	user, err := l.authenticate(ctx, asked)
	if err != nil {
		return session.Pair{}, secret.String{}, err
	}
	sess := l.pairs.Begin(user)
	if err := session.Start(ctx, l.store, user, sess, l.now()); err != nil {
		return session.Pair{}, secret.String{}, err
	}
	pair, err := l.pairs.Issue(sess)
	return pair, l.guard.Remember(asked.Device, user), err
}

// CookieLogin is Login for a cookie session. It returns the values of the session cookie and of the device cookie.
func (l *Login) CookieLogin(ctx context.Context, asked guard.Attempt) (sess, device secret.String, err error) {
	user, err := l.authenticate(ctx, asked)
	if err != nil {
		return secret.String{}, secret.String{}, err
	}
	begun, cookie := l.cookies.Begin(user)
	return cookie, l.guard.Remember(asked.Device, user), session.Start(ctx, l.store, user, begun, l.now())
}

// authenticate returns the account whose credentials these are, as recordLogin does. The try is counted before anything is
// computed, and what came of it is noted.
func (l *Login) authenticate(ctx context.Context, asked guard.Attempt) (account.User, error) {
	found, err := l.store.FindUser(ctx, account.ParseLoginName(asked.Name))
	if err != nil && !errors.Is(err, account.ErrNotFound) {
		return account.User{}, fmt.Errorf("finding the account: %w", err)
	}
	count := l.guard.Counter(found, asked)
	tries, err := l.guard.Admit(ctx, count)
	if err != nil {
		return account.User{}, err
	}
	user, err := l.record(ctx, found, asked.Password)
	switch {
	case err == nil, errors.Is(err, account.ErrAccountInactive):
		l.guard.RecordSuccess(ctx, count)
	case errors.Is(err, account.ErrInvalidCredentials):
		l.guard.RecordFailure(ctx, count, tries, found)
	}
	return user, err
}

// record checks the password and notes the login. A hash of another making is replaced as the login is recorded; of several
// logins that would replace it, the others find what one has stored.
func (l *Login) record(ctx context.Context, user account.User, password secret.String) (account.User, error) {
	return recordLogin(ctx, l.store, user, l.now, func(user account.User) (secret.String, error) {
		if err := l.check(ctx, user, password); err != nil {
			return secret.String{}, err
		}
		return l.passwords.Renew(user.PasswordHash, password), nil
	})
}

// recordLogin records a login that admit allows and returns the account in the epoch in which it was recorded, with the room
// that was left then. If the account changes between the reading and the recording (a reset, say), what it has become decides.
// Admit returns the password hash that the account has from then on.
func recordLogin(
	ctx context.Context, store LoginStore, user account.User, now clock.Clock, admit func(account.User) (secret.String, error),
) (account.User, error) {
	for range loginAttempts {
		hash, err := admit(user)
		if err != nil {
			return account.User{}, err
		}
		room, err := store.RecordLogin(ctx, user, hash, now())
		if stale, ok := errors.AsType[*account.StaleUserError](err); ok {
			user = stale.Current
			continue
		}
		if err != nil {
			return account.User{}, fmt.Errorf("recording the login: %w", err)
		}
		user.SessionsLeft = room
		return user, nil
	}
	return account.User{}, errors.New("recording the login: the account kept changing")
}

// check computes exactly one hash, whoever user is; the zero user has no password.
func (l *Login) check(ctx context.Context, user account.User, password secret.String) error {
	match, err := l.matches(ctx, user, password)
	if err != nil {
		return fmt.Errorf("verifying the password: %w", err)
	}
	if user.ID != (id.ID{}) {
		reqlog.User(ctx, user.ID)
	}
	if !match || user.Pending {
		return account.ErrInvalidCredentials
	}
	if !user.Active {
		return account.ErrAccountInactive
	}
	return nil
}

// matches says whether password is user's. A stored hash that cannot be read is no password at all, so that the answer does
// not tell of the account, and a security event: its user cannot log in before a reset.
func (l *Login) matches(ctx context.Context, user account.User, password secret.String) (bool, error) {
	if !user.PasswordHash.IsZero() {
		match, err := l.passwords.Verify(user.PasswordHash, password)
		if err == nil {
			return match, nil
		}
		l.log.WarnContext(ctx, "security event", "event", "password_hash_unusable",
			"user_id", user.ID.String(), "cause", err.Error())
	}
	_, err := l.passwords.Verify(l.passwords.Dummy(), password)
	return false, err
}
