package signup

import (
	"context"
	"errors"
	"fmt"

	"latchkey/pkg/account"
	"latchkey/pkg/id"
	"latchkey/pkg/identifier"
	"latchkey/pkg/outbox"
	"latchkey/pkg/session"
)

// Registering without telling whether an address is known
//
//	the address is free      a pending account, and a verification mail
//	an account has it        nothing changes, and a mail tells the owner of the mailbox
//
// Both have the same answer, compute one hash and make the same two calls, the second of which is a transaction over four
// items. What fits is for the mailbox to learn. Usernames are public: that one is taken is told.
//
// A pending account is one whose address nobody has shown to own. It signs nobody in: both logins answer as to a wrong
// password, which counts as one. Its mailed link, a password reset or a provider that vouches for the address ends that.

// NeutralStore is what registering so needs of the store.
type NeutralStore interface {
	// EnsureFree returns ErrUsernameTaken or ErrEmailTaken if an account holds the canonical form.
	EnsureFree(ctx context.Context, username identifier.Username, email identifier.Address) error
	// CreatePending stores the user, both guards and the mail in one transaction, or nothing. Of several callers for one
	// canonical name or address one wins and the others get ErrUsernameTaken or ErrEmailTaken.
	CreatePending(ctx context.Context, user account.User, mail outbox.Mail) error
	// QueueAddressTaken queues a mail for the owner of the user's address, by a transaction of the form of CreatePending's, if the
	// username is free and the address is not. Otherwise it returns ErrUsernameTaken or ErrNotFound.
	QueueAddressTaken(ctx context.Context, user account.User, mail outbox.Mail) error
}

// NeutralRegistrar creates accounts that count once their address is verified.
type NeutralRegistrar struct {
	rules *Registrar
	store NeutralStore
}

// NewNeutralRegistrar returns a NeutralRegistrar that accepts what rules accepts.
func NewNeutralRegistrar(rules *Registrar, store NeutralStore) *NeutralRegistrar {
	return &NeutralRegistrar{rules: rules, store: store}
}

// Register creates a pending account, or tells the owner of an address that has one. It returns nil for both. Every value that
// does not fit is named in one [fault.Invalid]; a taken username is ErrUsernameTaken.
func (r *NeutralRegistrar) Register(ctx context.Context, asked Registration) error {
	user, err := r.rules.accept(asked)
	if err != nil {
		return err
	}
	user.Pending = true
	user.SessionsLeft = session.MaxPerUser
	user.PasswordHash = r.rules.hasher.Hash(asked.Password)
	err = r.store.EnsureFree(ctx, user.Username, user.Email)
	if err == nil {
		err = r.store.CreatePending(ctx, user, r.mail(outbox.Verification, user))
	}
	if errors.Is(err, account.ErrEmailTaken) {
		err = r.store.QueueAddressTaken(ctx, user, r.mail(outbox.AddressTaken, user))
	}
	if err != nil {
		return fmt.Errorf("registering: %w", err)
	}
	return nil
}

func (r *NeutralRegistrar) mail(purpose outbox.Purpose, user account.User) outbox.Mail {
	return outbox.NewMail(id.New(r.rules.random), purpose, user.Email.Canonical, r.rules.now())
}
