// Package signup creates accounts with a password.
//
// It has two registrars. Registrar reports that an address is taken, and returns tokens at once. NeutralRegistrar conceals
// whether an address is taken, and its accounts are unusable until the address is verified. Accounts of persons who sign in
// through a provider are created by package signin.
//
// Of the rules it imports account, session and outbox.
package signup

import (
	"context"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"latchkey/pkg/account"
	"latchkey/pkg/clock"
	"latchkey/pkg/fault"
	"latchkey/pkg/id"
	"latchkey/pkg/identifier"
	"latchkey/pkg/outbox"
	"latchkey/pkg/reqlog"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
)

// Registration is the request for an account, as typed.
type Registration struct {
	Username  string
	Email     string
	Password  secret.String
	FirstName string
	LastName  string
}

// Store is the part of the store that registers accounts.
type Store interface {
	// EnsureFree returns account.ErrUsernameTaken or account.ErrEmailTaken if an account has the canonical form, and the
	// former if both are taken. The result is a hint that can save a hash. CreateAccount decides.
	EnsureFree(ctx context.Context, username identifier.Username, email identifier.Address) error
	// CreateAccount stores the user, the guards of both names, the first session and the mail in one transaction, or nothing.
	// Of concurrent callers with the same canonical name or address one succeeds, and the others get account.ErrUsernameTaken
	// or account.ErrEmailTaken. A write that was done although its response was lost is a success.
	CreateAccount(ctx context.Context, user account.User, session session.Session, mail outbox.Mail) error
}

// Registrar creates accounts.
type Registrar struct {
	store  Store
	hasher account.PasswordHasher
	policy account.PasswordPolicy
	pairs  *session.Pairs
	now    clock.Clock
	random io.Reader
}

// NewRegistrar returns a Registrar. random must be a cryptographic source that cannot fail.
func NewRegistrar(
	store Store, hasher account.PasswordHasher, policy account.PasswordPolicy, pairs *session.Pairs, now clock.Clock, random io.Reader,
) *Registrar {
	return &Registrar{store: store, hasher: hasher, policy: policy, pairs: pairs, now: now, random: random}
}

// Register creates an account, starts its first session and queues the verification mail. If values are unacceptable, it
// returns one [fault.Invalid] that names all of them. If a name is taken, it usually returns before it computes a hash.
func (r *Registrar) Register(ctx context.Context, req Registration) (session.Pair, error) {
	user, err := r.accept(req)
	if err != nil {
		return session.Pair{}, err
	}
	if err := r.store.EnsureFree(ctx, user.Username, user.Email); err != nil {
		return session.Pair{}, fmt.Errorf("checking that the names are free: %w", err)
	}
	user.PasswordHash = r.hasher.Hash(req.Password)
	sess := r.pairs.Begin(user)
	mail := outbox.NewMail(id.New(r.random), outbox.Verification, user.Email.Canonical, r.now())
	if err := r.store.CreateAccount(ctx, user, sess, mail); err != nil {
		return session.Pair{}, fmt.Errorf("creating the account: %w", err)
	}
	reqlog.User(ctx, user.ID)
	return r.pairs.Issue(sess)
}

// accept checks the request and returns the new account, still without its password.
func (r *Registrar) accept(req Registration) (account.User, error) {
	var faults fieldFaults
	username, err := identifier.ParseUsername(req.Username)
	faults.add("username", err)
	email, err := identifier.ParseAddress(req.Email)
	faults.add("email", err)
	asTyped := account.User{
		Username: identifier.Username{Typed: req.Username, Canonical: username.Canonical},
		Email:    identifier.Address{Typed: req.Email, Canonical: email.Canonical},
	}
	faults.add("password", account.CheckPassword(r.policy, req.Password, asTyped))
	faults.add("first_name", checkName(req.FirstName))
	faults.add("last_name", checkName(req.LastName))
	if len(faults) > 0 {
		return account.User{}, fault.Validation(faults...)
	}
	return account.User{
		ID:           id.New(r.random),
		Username:     username,
		Email:        email,
		FirstName:    req.FirstName,
		LastName:     req.LastName,
		SessionsLeft: session.MaxPerUser - 1,
		Active:       true,
		Joined:       r.now().Truncate(time.Millisecond),
	}, nil
}

func checkName(name string) error {
	if utf8.RuneCountInString(name) > account.MaxNameLength {
		return fmt.Errorf("must have at most %d characters", account.MaxNameLength)
	}
	return nil
}

// fieldFaults collects the faults of a request.
type fieldFaults []fault.Field

func (f *fieldFaults) add(key string, err error) {
	if err != nil {
		*f = append(*f, fault.Field{Key: key, Message: err.Error()})
	}
}
