package signin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"latchkey/pkg/account"
	"latchkey/pkg/clock"
	"latchkey/pkg/guard"
	"latchkey/pkg/limit"
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
}

// NewLogin returns a Login. It reports security events to [reqlog].
func NewLogin(
	store LoginStore, passwords passwordVerifier, guard *guard.Guard, pairs *session.Pairs, cookies *session.Cookies,
	now clock.Clock,
) *Login {
	return &Login{store: store, passwords: passwords, guard: guard, pairs: pairs, cookies: cookies, now: now}
}

// SignedIn is the result of a sign-in by password.
type SignedIn struct {
	Pair     session.Pair   // of a token session
	Cookie   secret.String  // the value of the session cookie, of a cookie session
	Device   secret.String  // the value of the device cookie
	Standing limit.Standing // of the attempt; valid also with an error
}

// Login starts a token session.
//
// For an unknown login name, a wrong password and an account without a password it returns ErrInvalidCredentials, after the
// same store calls and one hash. It returns ErrAccountInactive for a disabled account only if the password is correct. After
// too many attempts it returns a [fault.Limited].
func (l *Login) Login(ctx context.Context, attempt guard.Attempt) (SignedIn, error) {
	signedIn, user, err := l.authenticate(ctx, attempt)
	if err != nil {
		return signedIn, err
	}
	sess := l.pairs.Begin(user)
	if err := session.Start(ctx, l.store, user, sess, l.now()); err != nil {
		return signedIn, err
	}
	signedIn.Pair, err = l.pairs.Issue(sess)
	return signedIn, err
}

// CookieLogin starts a cookie session, under the same rules as Login.
func (l *Login) CookieLogin(ctx context.Context, attempt guard.Attempt) (SignedIn, error) {
	signedIn, user, err := l.authenticate(ctx, attempt)
	if err != nil {
		return signedIn, err
	}
	var sess session.Session
	sess, signedIn.Cookie = l.cookies.Begin(user)
	return signedIn, session.Start(ctx, l.store, user, sess, l.now())
}

// authenticate returns the account of an attempt, as recordLogin does. The guard counts the attempt before a hash is computed.
func (l *Login) authenticate(ctx context.Context, attempt guard.Attempt) (SignedIn, account.User, error) {
	admission, err := l.guard.Admit(ctx, attempt)
	if err != nil {
		return SignedIn{Standing: admission.Standing}, account.User{}, err
	}
	user, err := l.record(ctx, admission, attempt.Password)
	if errors.Is(err, account.ErrInvalidCredentials) {
		if limited := l.guard.RecordFailure(ctx, &admission); limited != nil {
			err = limited
		}
	}
	signedIn := SignedIn{Standing: admission.Standing}
	if err == nil {
		signedIn.Device = l.guard.Remember(attempt, admission, user)
	}
	return signedIn, user, err
}

// record checks the password and records the login. The same write forgives the attempts so far, and replaces a hash with outdated
// parameters. If several logins replace it at once, one succeeds and the others decide again with the hash that it stored.
func (l *Login) record(ctx context.Context, admission guard.Admission, password secret.String) (account.User, error) {
	return recordLogin(ctx, l.store, admission.User, func(user account.User) (Recorded, error) {
		if err := l.check(ctx, user, password); err != nil {
			return Recorded{}, err
		}
		hash := l.passwords.Renew(user.PasswordHash, password)
		return Recorded{At: l.now(), Hash: hash, Forgiven: admission.ForgivenIn(user)}, nil
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
// reveals nothing about the account. It is reported as a security event, because its user cannot log in before a reset.
func (l *Login) matches(ctx context.Context, user account.User, password secret.String) (bool, error) {
	if !user.PasswordHash.IsZero() {
		match, err := l.passwords.Verify(user.PasswordHash, password)
		if err == nil {
			return match, nil
		}
		reqlog.User(ctx, user.ID)
		reqlog.Event(ctx, "password_hash_unusable", slog.String("hash_fault", err.Error()))
	}
	_, err := l.passwords.Verify(l.passwords.Dummy(), password)
	return false, err
}
