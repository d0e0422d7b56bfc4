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

// ResetStore is the part of the store that resets passwords.
type ResetStore interface {
	// ReadMail returns an entry in a consistent read, or account.ErrNotFound.
	ReadMail(ctx context.Context, mail id.ID) (outbox.Mail, error)
	// ReadUser returns an account in a consistent read, or account.ErrNotFound.
	ReadUser(ctx context.Context, user id.ID) (account.User, error)
	// ResetPassword marks the mail as used, stores the hash, marks the user's address as verified and proven, raises the epoch,
	// and queues the notice: all or nothing. It requires that the link is valid, and that the user is active and has the
	// address and the epoch of the mail. Otherwise it returns outbox.ErrStale. Of concurrent callers one succeeds.
	ResetPassword(ctx context.Context, mail outbox.Mail, hash secret.String, notice outbox.Mail) error
}

// Resetter sets new passwords through mailed links.
type Resetter struct {
	store   ResetStore
	tokens  outbox.LinkOpener
	hasher  account.PasswordHasher
	policy  account.PasswordPolicy
	devices *guard.Devices
	now     clock.Clock
	random  io.Reader
}

// NewResetter returns a Resetter. random must be a cryptographic source that cannot fail.
func NewResetter(
	store ResetStore, tokens outbox.LinkOpener, hasher account.PasswordHasher, policy account.PasswordPolicy,
	devices *guard.Devices, now clock.Clock, random io.Reader,
) *Resetter {
	return &Resetter{store: store, tokens: tokens, hasher: hasher, policy: policy, devices: devices, now: now, random: random}
}

// Reset sets the password of the account that the token was mailed to, and returns the value of the device cookie. device is the one
// that the request sent. Reset spends the
// token, ends all sessions and all other links of the account, and mails a notice. The counters of failed attempts end too,
// because they belong to the former epoch.
//
// It returns a [fault.Invalid], and does not spend the token, if the policy refuses the password. It returns
// ErrInvalidResetToken for every unusable token.
func (r *Resetter) Reset(ctx context.Context, token, password, device secret.String) (secret.String, error) {
	mail, user, err := r.read(ctx, token)
	if err != nil {
		return secret.String{}, err
	}
	if err := account.CheckPassword(r.policy, password, user); err != nil {
		return secret.String{}, fault.Validation(fault.Field{Key: "new_password", Message: err.Error()})
	}
	notice := outbox.NewNotice(id.New(r.random), outbox.PasswordChanged, user, r.now())
	if err := r.store.ResetPassword(ctx, mail, r.hasher.Hash(password), notice); err != nil {
		return secret.String{}, linkError(ErrInvalidResetToken, "setting the password", err)
	}
	reqlog.User(ctx, user.ID)
	user.Epoch++
	return r.devices.Remember(device, user), nil
}

// Inspect describes the account of the token and changes nothing.
func (r *Resetter) Inspect(ctx context.Context, token secret.String) (LinkInfo, error) {
	_, user, err := r.read(ctx, token)
	if err != nil {
		return LinkInfo{}, err
	}
	return LinkInfo{Username: user.Username.Typed, Proven: user.Proven}, nil
}

// read returns the mail that has the token in its link, and its user, if the link is valid.
func (r *Resetter) read(ctx context.Context, token secret.String) (outbox.Mail, account.User, error) {
	mailID, err := r.tokens.OpenMail(outbox.Reset, token.Reveal())
	if err != nil {
		return outbox.Mail{}, account.User{}, ErrInvalidResetToken.Because(err)
	}
	mail, err := r.store.ReadMail(ctx, mailID)
	if err == nil && !mail.LinkValid(outbox.Reset, r.now(), outbox.Leased, outbox.Sent) {
		err = errLinkNotValid
	}
	if err != nil {
		return outbox.Mail{}, account.User{}, linkError(ErrInvalidResetToken, "reading the mail", err)
	}
	user, err := readLinkUser(ctx, r.store, mail)
	if err != nil {
		return outbox.Mail{}, account.User{}, linkError(ErrInvalidResetToken, "reading the account", err)
	}
	return mail, user, nil
}
