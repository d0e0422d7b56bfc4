package signin

import (
	"context"
	"errors"
	"time"

	"latchkey/pkg/account"
	"latchkey/pkg/id"
	"latchkey/pkg/identifier"
	"latchkey/pkg/outbox"
	"latchkey/pkg/session"
)

// The account of an identity
//
//	the identity is known                   its account, even if the address has changed
//	an account has the identity's address   that account, which the identity is then linked to
//	otherwise                               a new account
//
// An address counts only if the provider has verified it. An attacker may have registered the account that has the address, and
// may be waiting for the owner of the mailbox to use it. The provider proves who owns the mailbox. If the holder of the account's
// password has never proved the same, linking removes the password, ends all sessions and mails a notice. A followed verification
// link is no such proof, because mail scanners follow links.
//
// Each case is written by one transaction. It requires that the identity is still unknown and that the account has not changed
// since it was read. If a requirement fails, the sign-in reads everything again. Of many concurrent first sign-ins, one
// therefore creates the account and the others find it.
//
// An account has one identity of each provider. If the owner of its address signs in with another one, the new identity
// replaces the former, which no longer opens the account, and all sessions end. This happens when an account at the provider
// was closed and opened again, or when the mailbox has a new owner.

// Identity is an account at a provider.
type Identity struct {
	Provider string
	Issuer   string // the provider's address; a subject is unique only within it
	Subject  string // the provider never changes it and never assigns it to another person
}

// Profile is what a provider reports about a person.
type Profile struct {
	Identity
	Email     string // verified by the provider; empty if there is none
	Name      string // the source of a username
	FirstName string // may be empty, like LastName
	LastName  string
}

// Link links an identity to an account, which then has another way to sign in.
type Link struct {
	User           account.User // as it was read
	Identity       Identity
	Replaces       string          // the store's name of the identity that this one replaces; empty if there is none
	RemovePassword bool            // removes the password, and ends all sessions
	Session        session.Session // the first session of the identity, in the epoch of the account after the link
	Notice         outbox.Mail     // about the removal of the password; zero if there is none
	At             time.Time       // the time of the sign-in
}

// Epoch returns the epoch of the account after the link.
func (l Link) Epoch() uint64 {
	if l.RemovePassword || l.Replaces != "" {
		return l.User.Epoch + 1
	}
	return l.User.Epoch
}

// The errors of writing an identity.
var (
	// ErrIdentityTaken reports that another request has linked the identity to an account.
	ErrIdentityTaken = errors.New("the identity is known")
	// ErrUserChanged reports that the account has changed since it was read.
	ErrUserChanged = errors.New("the account has changed since it was read")
)

// IdentityLinkedError reports that the account has another identity of the provider. Existing is its name for
// [Link.Replaces].
type IdentityLinkedError struct{ Existing string }

func (*IdentityLinkedError) Error() string {
	return "the account has another identity of that provider"
}

// IdentityStore is the part of the store that signs in by an identity.
type IdentityStore interface {
	// FindUserByIdentity returns the account of an identity in a consistent read, or account.ErrNotFound. It does not return
	// an account whose identity has been replaced, however recently.
	FindUserByIdentity(ctx context.Context, identity Identity) (account.User, error)
	// FindHolders returns the user that has the address, or zero, and whether the username is taken, in one consistent read.
	FindHolders(ctx context.Context, email identifier.Address, username identifier.Username) (holder id.ID, taken bool, err error)
	// ReadUser returns an account in a consistent read, or account.ErrNotFound.
	ReadUser(ctx context.Context, user id.ID) (account.User, error)
	// CreateAccountWithIdentity stores the user, the guards of both names, the identity and the first session, all or
	// nothing. If one of them exists, it returns the first that applies of ErrIdentityTaken, account.ErrEmailTaken and
	// account.ErrUsernameTaken.
	CreateAccountWithIdentity(ctx context.Context, user account.User, identity Identity, session session.Session) error
	// LinkIdentity makes the link, all or nothing, if the user is active and has the revision and the epoch that were read.
	// Otherwise it returns ErrIdentityTaken, ErrUserChanged or an *IdentityLinkedError.
	LinkIdentity(ctx context.Context, link Link) error
	LoginStore
}
