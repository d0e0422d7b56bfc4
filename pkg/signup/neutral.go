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

// Neutral registration
//
//	the address is free       creates a pending account and mails a verification link
//	an account has it         changes nothing and mails a message to the owner of the mailbox
//
// Both cases have the same response, compute one hash and make the same two store calls. The second call is a transaction over
// four items in both cases. Only the mailbox learns which case applies. Usernames are public, so the response reports a
// username that is taken.
//
// A pending account is one with an address that no one has confirmed. It cannot be signed in to: both logins respond as to a
// wrong password, and count the attempt as one. The mailed link, a password reset, or a provider that has verified the address
// ends that state.

// NeutralStore is the part of the store that registers accounts neutrally.
type NeutralStore interface {
	// EnsureFree returns account.ErrUsernameTaken or account.ErrEmailTaken if an account has the canonical form.
	EnsureFree(ctx context.Context, username identifier.Username, email identifier.Address) error
	// CreatePending stores the user, the guards of both names and the mail in one transaction, or nothing. Of concurrent callers
	// with the same canonical name or address one succeeds, and the others get account.ErrUsernameTaken or
	// account.ErrEmailTaken.
	CreatePending(ctx context.Context, user account.User, mail outbox.Mail) error
	// QueueAddressTaken queues a mail to the owner of the user's address if the username is free and the address is taken.
	// Otherwise it returns account.ErrUsernameTaken or account.ErrNotFound. Its transaction has the same form as that of
	// CreatePending.
	QueueAddressTaken(ctx context.Context, user account.User, mail outbox.Mail) error
}

// NeutralRegistrar creates accounts without revealing whether an address is taken.
type NeutralRegistrar struct {
	rules *Registrar
	store NeutralStore
}

// NewNeutralRegistrar returns a NeutralRegistrar. It accepts the same requests as rules.
func NewNeutralRegistrar(rules *Registrar, store NeutralStore) *NeutralRegistrar {
	return &NeutralRegistrar{rules: rules, store: store}
}

// Register creates a pending account or, if the address is taken, informs the owner of the address. It returns nil in both
// cases. If values are unacceptable, it returns one [fault.Invalid] that names all of them. If the username is taken, it returns
// account.ErrUsernameTaken.
func (r *NeutralRegistrar) Register(ctx context.Context, req Registration) error {
	user, err := r.rules.accept(req)
	if err != nil {
		return err
	}
	user.Pending = true
	user.SessionsLeft = session.MaxPerUser
	user.PasswordHash = r.rules.hasher.Hash(req.Password)
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
