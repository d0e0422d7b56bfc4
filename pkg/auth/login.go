package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"latchkey/pkg/id"
	"latchkey/pkg/identifier"
	"latchkey/pkg/reqlog"
	"latchkey/pkg/secret"
)

// LoginStore is what signing in needs of the store.
type LoginStore interface {
	// FindUser returns the account that login names, read consistently, or ErrNotFound. Its calls are the same in
	// both cases, so that an absent account cannot be told from a present one.
	FindUser(ctx context.Context, login LoginName) (User, error)
	// RecordLogin notes a login at now and takes one from the account's room, if the account is active and in the
	// epoch that user has, and returns the room left. If hash is not the password hash that user has, it takes its
	// place in the same write, which then demands that the account still has user's. Otherwise it returns a
	// *StaleUserError with the account as it stands.
	RecordLogin(ctx context.Context, user User, hash secret.String, now time.Time) (room int, err error)
	// PutSession stores a new session.
	PutSession(ctx context.Context, session Session) error
	SweepStore
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

// StaleUserError says that an account has changed since it was read.
type StaleUserError struct{ Current User }

func (*StaleUserError) Error() string { return "the account has changed since it was read" }

// LoginName is what a person typed to name an account: a username or an address, in canonical form.
type LoginName struct {
	Canonical string
	IsAddress bool
}

// ParseLoginName reads a login name. One that no account can have is no error: it finds nothing, like any other
// unknown one, and takes as long. A username never contains an @ and an address always does.
func ParseLoginName(typed string) LoginName {
	if strings.Contains(typed, "@") {
		if address, err := identifier.ParseAddress(typed); err == nil {
			return LoginName{Canonical: address.Canonical, IsAddress: true}
		}
		return LoginName{Canonical: typed, IsAddress: true}
	}
	return LoginName{Canonical: identifier.CanonicalUsername(typed)}
}

// Authority to sign in is decided again when the account changed under a login's hands; this often at most.
const loginAttempts = 3

// Login signs users in with their password.
type Login struct {
	store     LoginStore
	passwords passwordVerifier
	guard     *Guard
	pairs     *Pairs
	cookies   *Cookies
	now       Clock
	log       *slog.Logger
}

// NewLogin returns a Login. Security events go to log.
func NewLogin(
	store LoginStore, passwords passwordVerifier, guard *Guard, pairs *Pairs, cookies *Cookies, now Clock, log *slog.Logger,
) *Login {
	return &Login{store: store, passwords: passwords, guard: guard, pairs: pairs, cookies: cookies, now: now, log: log}
}

// SignIn is what somebody shows to sign in.
type SignIn struct {
	Name     string // a username or an address, as typed
	Password secret.String
	Device   secret.String // the value of the device cookie; empty for none
}

// Login begins a token session for the user whose name and password these are. It returns the pair and the value of the
// device cookie.
//
// An unknown name, a wrong password and an account without one are ErrInvalidCredentials, after the same store calls
// and one hash. A disabled account is ErrAccountInactive, but only to who knows its password. Too many tries are a
// [fault.Limited], without a hash.
func (l *Login) Login(ctx context.Context, asked SignIn) (Pair, secret.String, error) {
	user, err := l.authenticate(ctx, asked)
	if err != nil {
		return Pair{}, secret.String{}, err
	}
	session := l.pairs.begin(user)
	if err := startSession(ctx, l.store, user, session, l.now()); err != nil {
		return Pair{}, secret.String{}, err
	}
	pair, err := l.pairs.issue(session)
	return pair, l.guard.devices.remember(asked.Device, user), err
}

// CookieLogin is Login for a cookie session. It returns the values of the session cookie and of the device cookie.
func (l *Login) CookieLogin(ctx context.Context, asked SignIn) (session, device secret.String, err error) {
	user, err := l.authenticate(ctx, asked)
	if err != nil {
		return secret.String{}, secret.String{}, err
	}
	begun, cookie := l.cookies.begin(user)
	return cookie, l.guard.devices.remember(asked.Device, user), startSession(ctx, l.store, user, begun, l.now())
}

// startSession stores a new session and makes room for it.
func startSession(ctx context.Context, store LoginStore, user User, session Session, now time.Time) error {
	if err := store.PutSession(ctx, session); err != nil {
		return fmt.Errorf("storing the session: %w", err)
	}
	sweep(ctx, store, user, now)
	return nil
}

// authenticate returns the account whose credentials these are, as recordLogin does. The try is counted before anything is
// computed, and what came of it is noted.
func (l *Login) authenticate(ctx context.Context, asked SignIn) (User, error) {
	found, err := l.store.FindUser(ctx, ParseLoginName(asked.Name))
	if err != nil && !errors.Is(err, ErrNotFound) {
		return User{}, fmt.Errorf("finding the account: %w", err)
	}
	count := l.guard.countOf(ctx, found, asked)
	tries, err := l.guard.admit(ctx, count)
	if err != nil {
		return User{}, err
	}
	user, err := l.record(ctx, found, asked.Password)
	switch {
	case err == nil, errors.Is(err, ErrAccountInactive):
		l.guard.passed(ctx, count)
	case errors.Is(err, ErrInvalidCredentials):
		l.guard.failed(ctx, count, tries, found)
	}
	return user, err
}

// record checks the password and notes the login. A hash of another making is replaced as the login is recorded; of several
// logins that would replace it, the others find what one has stored.
func (l *Login) record(ctx context.Context, user User, password secret.String) (User, error) {
	return recordLogin(ctx, l.store, user, l.now, func(user User) (secret.String, error) {
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
	ctx context.Context, store LoginStore, user User, now Clock, admit func(User) (secret.String, error),
) (User, error) {
	for range loginAttempts {
		hash, err := admit(user)
		if err != nil {
			return User{}, err
		}
		room, err := store.RecordLogin(ctx, user, hash, now())
		if stale, ok := errors.AsType[*StaleUserError](err); ok {
			user = stale.Current
			continue
		}
		if err != nil {
			return User{}, fmt.Errorf("recording the login: %w", err)
		}
		user.Room = room
		return user, nil
	}
	return User{}, errors.New("recording the login: the account kept changing")
}

// check computes exactly one hash, whoever user is; the zero user has no password.
func (l *Login) check(ctx context.Context, user User, password secret.String) error {
	match, err := l.matches(ctx, user, password)
	if err != nil {
		return fmt.Errorf("verifying the password: %w", err)
	}
	if user.ID != (id.ID{}) {
		reqlog.User(ctx, user.ID)
	}
	if !match || user.Pending {
		return ErrInvalidCredentials
	}
	if !user.Active {
		return ErrAccountInactive
	}
	return nil
}

// matches says whether password is user's. A stored hash that cannot be read is no password at all, so that the answer does
// not tell of the account, and a security event: its user cannot log in before a reset.
func (l *Login) matches(ctx context.Context, user User, password secret.String) (bool, error) {
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
