package signin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"latchkey/pkg/account"
	"latchkey/pkg/clock"
	"latchkey/pkg/guard"
	"latchkey/pkg/reqlog"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
)

// passwordVerifier compares passwords with stored hashes.
type passwordVerifier interface {
	// Verify reports whether hash is a hash of the password. It returns an error, and computes nothing, if the hash is
	// unreadable or too costly.
	Verify(hash, password secret.String) (bool, error)
	// Renew returns the hash to store for a password that hash verifies. That is hash itself, or a new hash if the
	// parameters of hash are not the current ones.
	Renew(hash, password secret.String) secret.String
	// Dummy returns a hash that no password verifies and that costs as much as a real one.
	Dummy() secret.String
}

// Login signs users in by password.
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

// Login starts a token session. It returns the token pair and the value of the device cookie.
//
// For an unknown login name, a wrong password and an account without a password it returns ErrInvalidCredentials, after the
// same store calls and one hash. It returns ErrAccountInactive for a disabled account only if the password is correct. After
// too many attempts it returns a [fault.Limited] without computing a hash.
func (l *Login) Login(ctx context.Context, attempt guard.Attempt) (session.Pair, secret.String, error) {
	user, err := l.authenticate(ctx, attempt)
	if err != nil {
		return session.Pair{}, secret.String{}, err
	}
	sess := l.pairs.Begin(user)
	if err := session.Start(ctx, l.store, user, sess, l.now()); err != nil {
		return session.Pair{}, secret.String{}, err
	}
	pair, err := l.pairs.Issue(sess)
	return pair, l.guard.Remember(attempt.Device, user), err
}

// CookieLogin starts a cookie session, under the same rules as Login. It returns the values of the session cookie and of the
// device cookie.
func (l *Login) CookieLogin(ctx context.Context, attempt guard.Attempt) (cookie, device secret.String, err error) {
	user, err := l.authenticate(ctx, attempt)
	if err != nil {
		return secret.String{}, secret.String{}, err
	}
	sess, cookie := l.cookies.Begin(user)
	return cookie, l.guard.Remember(attempt.Device, user), session.Start(ctx, l.store, user, sess, l.now())
}

// authenticate returns the account of an attempt, as recordLogin does. The guard counts the attempt before a hash is computed,
// and records its result.
func (l *Login) authenticate(ctx context.Context, attempt guard.Attempt) (account.User, error) {
	found, err := l.store.FindUser(ctx, account.ParseLoginName(attempt.Name))
	if err != nil && !errors.Is(err, account.ErrNotFound) {
		return account.User{}, fmt.Errorf("finding the account: %w", err)
	}
	counter := l.guard.Counter(found, attempt)
	count, err := l.guard.Admit(ctx, counter)
	if err != nil {
		return account.User{}, err
	}
	user, err := l.record(ctx, found, attempt.Password)
	switch {
	case err == nil, errors.Is(err, account.ErrAccountInactive):
		l.guard.RecordSuccess(ctx, counter)
	case errors.Is(err, account.ErrInvalidCredentials):
		l.guard.RecordFailure(ctx, counter, count, found)
	}
	return user, err
}

// record checks the password and records the login. The same write replaces a hash with outdated parameters. If several logins
// replace it at once, one succeeds and the others decide again with the hash that it stored.
func (l *Login) record(ctx context.Context, user account.User, password secret.String) (account.User, error) {
	return recordLogin(ctx, l.store, user, l.now, func(user account.User) (secret.String, error) {
		if err := l.check(ctx, user, password); err != nil {
			return secret.String{}, err
		}
		return l.passwords.Renew(user.PasswordHash, password), nil
	})
}

// check computes exactly one hash, also for the zero user, which has no password.
func (l *Login) check(ctx context.Context, user account.User, password secret.String) error {
	match, err := l.matches(ctx, user, password)
	if err != nil {
		return fmt.Errorf("verifying the password: %w", err)
	}
	if !user.ID.IsZero() {
		reqlog.User(ctx, user.ID)
	}
	if !match || user.Pending {
		return account.ErrInvalidCredentials
	}
	return requireActive(user)
}

// matches reports whether the password is the user's. A stored hash that cannot be read counts as no password, so the response
// reveals nothing about the account. It is logged as a security event, because its user cannot log in before a reset.
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
