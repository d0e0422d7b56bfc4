// Package maillink performs the actions of the links in mails: it verifies an address, removes an account's password at the
// request of the mailbox's owner, and sets a new password.
//
// It decides when the token in a link is valid and what it changes. It does not send mails, which package outbox does.
//
// Of the rules it imports account, session, outbox and guard.
package maillink

import (
	"context"
	"errors"
	"fmt"

	"latchkey/pkg/account"
	"latchkey/pkg/fault"
	"latchkey/pkg/id"
	"latchkey/pkg/outbox"
)

// ErrInvalidVerificationToken is the single response to a verification token that cannot be used, for any reason.
var ErrInvalidVerificationToken = &fault.Fault{
	Kind: fault.Refused, Code: "invalid_verification_token", Detail: "Invalid or expired verification token",
}

// ErrInvalidResetToken is the single response to a reset token that cannot be used, for any reason.
var ErrInvalidResetToken = &fault.Fault{Kind: fault.Refused, Code: "invalid_reset_token", Detail: "Invalid or expired reset token"}

// errLinkNotValid is the cause when a token verifies and its link is not valid.
var errLinkNotValid = errors.New("the link is used, void, expired or of another purpose, or its account has changed")

// LinkInfo describes the account of a link, for the page that the link leads to.
type LinkInfo struct {
	Username string // as typed
	Proven   bool   // the holder of the password has proved control of the mailbox
}

// userReader reads accounts.
type userReader interface {
	ReadUser(ctx context.Context, user id.ID) (account.User, error)
}

// readLinkUser returns the user of a mail. It returns errLinkNotValid if the account has changed since the mail was sent: it is
// disabled, or its epoch or address differs.
func readLinkUser(ctx context.Context, store userReader, mail outbox.Mail) (account.User, error) {
	user, err := store.ReadUser(ctx, mail.User)
	if err != nil {
		return account.User{}, err
	}
	if !user.Active || user.Epoch != mail.Epoch || user.Email.Canonical != mail.Address {
		return account.User{}, errLinkNotValid
	}
	return user, nil
}

// linkError returns refusal if err means that the link is not valid, and an internal error otherwise. action describes the
// failed step.
func linkError(refusal *fault.Fault, action string, err error) error {
	if errors.Is(err, account.ErrNotFound) || errors.Is(err, outbox.ErrStale) || errors.Is(err, errLinkNotValid) {
		return refusal.Because(err)
	}
	return fmt.Errorf("%s: %w", action, err)
}
