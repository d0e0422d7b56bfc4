// Package signup creates accounts with a password.
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

// Registration is what a person asks for, as typed.
type Registration struct {
	Username  string
	Email     string
	Password  secret.String
	FirstName string
	LastName  string
}

// Store is what registering needs of the store.
type Store interface {
	// EnsureFree returns ErrUsernameTaken or ErrEmailTaken if an account holds the canonical form; the username is
	// named when both are held. It is a hint that saves a hash: CreateAccount decides.
	EnsureFree(ctx context.Context, username identifier.Username, email identifier.Address) error
	// CreateAccount stores the user, both guards, the first session and the mail in one transaction, or nothing.
	// Of several callers for one canonical name or address one wins and the others get ErrUsernameTaken or
	// ErrEmailTaken. A write that the store had already done when its answer was lost is a success.
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

// NewRegistrar returns a Registrar.
func NewRegistrar(
	store Store, hasher account.PasswordHasher, policy account.PasswordPolicy, pairs *session.Pairs, now clock.Clock, random io.Reader,
) *Registrar {
	return &Registrar{store: store, hasher: hasher, policy: policy, pairs: pairs, now: now, random: random}
}

// Register creates an account with its first session and queues the verification mail. Every value that does
// not fit is named in one [fault.Invalid]. A taken name is told before the password is hashed.
func (r *Registrar) Register(ctx context.Context, asked Registration) (session.Pair, error) {
	user, err := r.accept(asked)
	if err != nil {
		return session.Pair{}, err
	}
	if err := r.store.EnsureFree(ctx, user.Username, user.Email); err != nil {
		return session.Pair{}, fmt.Errorf("looking for the names: %w", err)
	}
	user.PasswordHash = r.hasher.Hash(asked.Password)
	sess := r.pairs.Begin(user)
	mail := outbox.NewMail(id.New(r.random), outbox.Verification, user.Email.Canonical, r.now())
	if err := r.store.CreateAccount(ctx, user, sess, mail); err != nil {
		return session.Pair{}, fmt.Errorf("creating the account: %w", err)
	}
	reqlog.User(ctx, user.ID)
	return r.pairs.Issue(sess)
}

// accept checks what was asked for and makes the account of it, as yet without its password.
func (r *Registrar) accept(asked Registration) (account.User, error) {
	var faults fieldFaults
	username, err := identifier.ParseUsername(asked.Username)
	faults.note("username", err)
	email, err := identifier.ParseAddress(asked.Email)
	faults.note("email", err)
	asTyped := account.User{
		Username: identifier.Username{Typed: asked.Username, Canonical: username.Canonical},
		Email:    identifier.Address{Typed: asked.Email, Canonical: email.Canonical},
	}
	faults.note("password", account.CheckPassword(r.policy, asked.Password, asTyped))
	faults.note("first_name", checkName(asked.FirstName))
	faults.note("last_name", checkName(asked.LastName))
	if len(faults) > 0 {
		return account.User{}, fault.Validation(faults...)
	}
	return account.User{
		ID:           id.New(r.random),
		Username:     username,
		Email:        email,
		FirstName:    asked.FirstName,
		LastName:     asked.LastName,
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

type fieldFaults []fault.Field

func (f *fieldFaults) note(key string, err error) {
	if err != nil {
		*f = append(*f, fault.Field{Key: key, Message: err.Error()})
	}
}
