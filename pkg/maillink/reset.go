package maillink

import (
	"context"
	"io"

	"latchkey/pkg/account"
	"latchkey/pkg/clock"
	"latchkey/pkg/fault"
	"latchkey/pkg/guard"
	"latchkey/pkg/id"
	"latchkey/pkg/outbox"
	"latchkey/pkg/reqlog"
	"latchkey/pkg/secret"
)

// ErrInvalidResetToken is the one answer to a reset token that cannot be used, whatever the reason.
var ErrInvalidResetToken = &fault.Fault{Kind: fault.Refused, Code: "invalid_reset_token", Detail: "Invalid or expired reset token"}

// ResetStore is what setting a new password needs of the store.
type ResetStore interface {
	// ReadMail returns an entry, read consistently, or ErrNotFound.
	ReadMail(ctx context.Context, mail id.ID) (outbox.Mail, error)
	// ReadUser returns an account, read consistently, or ErrNotFound.
	ReadUser(ctx context.Context, user id.ID) (account.User, error)
	// ResetPassword marks the mail used; gives its user the password, a verified and proven address and the next epoch;
	// and queues the notice: all or nothing, if the mail's link counts and the user is active and still has its address
	// and epoch. Of several callers one wins and the others get ErrMailTaken.
	ResetPassword(ctx context.Context, mail outbox.Mail, hash secret.String, notice outbox.Mail) error
}

// Resetter sets new passwords by the links that were mailed.
type Resetter struct {
	store   ResetStore
	tokens  outbox.LinkOpener
	hasher  account.PasswordHasher
	policy  account.PasswordPolicy
	devices *guard.Devices
	now     clock.Clock
	random  io.Reader
}

// NewResetter returns a Resetter.
func NewResetter(
	store ResetStore, tokens outbox.LinkOpener, hasher account.PasswordHasher, policy account.PasswordPolicy,
	devices *guard.Devices, now clock.Clock, random io.Reader,
) *Resetter {
	return &Resetter{store: store, tokens: tokens, hasher: hasher, policy: policy, devices: devices, now: now, random: random}
}

// Reset sets the password of the account that token was mailed to. The token is spent by it, all sessions and all other
// links of the account end, and a notice is mailed. A password that the policy refuses is a [fault.Invalid], and spends
// nothing. Every unusable token is ErrInvalidResetToken.
//
// It returns the value of a device cookie. Tries at the old password count no more, since the epoch is another.
func (r *Resetter) Reset(ctx context.Context, token, password secret.String) (secret.String, error) {
	mail, user, err := r.read(ctx, token)
	if err != nil {
		return secret.String{}, err
	}
	if err := account.CheckPassword(r.policy, password, user); err != nil {
		return secret.String{}, fault.Validation(fault.Field{Key: "new_password", Message: err.Error()})
	}
	notice := outbox.NewNotice(id.New(r.random), outbox.PasswordChanged, user, r.now())
	if err := r.store.ResetPassword(ctx, mail, r.hasher.Hash(password), notice); err != nil {
		return secret.String{}, linkRefusal(ErrInvalidResetToken, "setting the password", err)
	}
	reqlog.User(ctx, user.ID)
	user.Epoch++
	return r.devices.Remember(secret.String{}, user), nil
}

// Inspect returns whose password token sets, and changes nothing.
func (r *Resetter) Inspect(ctx context.Context, token secret.String) (LinkInfo, error) {
	_, user, err := r.read(ctx, token)
	if err != nil {
		return LinkInfo{}, err
	}
	return LinkInfo{Username: user.Username.Typed, Proven: user.Proven}, nil
}

// read returns the mail whose link holds token and its user, if the link counts.
func (r *Resetter) read(ctx context.Context, token secret.String) (outbox.Mail, account.User, error) {
	mailID, err := r.tokens.OpenMail(outbox.Reset, token.Reveal())
	if err != nil {
		return outbox.Mail{}, account.User{}, ErrInvalidResetToken.Because(err)
	}
	mail, err := r.store.ReadMail(ctx, mailID)
	if err == nil && !mail.LinkValid(outbox.Reset, r.now(), outbox.Leased, outbox.Sent) {
		err = errLinkSpent
	}
	if err != nil {
		return outbox.Mail{}, account.User{}, linkRefusal(ErrInvalidResetToken, "reading the mail", err)
	}
	user, err := readLinkUser(ctx, r.store, mail)
	if err != nil {
		return outbox.Mail{}, account.User{}, linkRefusal(ErrInvalidResetToken, "reading the account", err)
	}
	return mail, user, nil
}
