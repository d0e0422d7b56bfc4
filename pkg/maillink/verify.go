// Package maillink decides what the links in mails do: verify an address, disown an account, set a new password.
package maillink

import (
	"context"
	"errors"
	"fmt"

	"latchkey/pkg/account"
	"latchkey/pkg/clock"
	"latchkey/pkg/fault"
	"latchkey/pkg/id"
	"latchkey/pkg/outbox"
	"latchkey/pkg/reqlog"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
)

// ErrInvalidVerificationToken is the one answer to a verification token that cannot be used, whatever the reason.
var ErrInvalidVerificationToken = &fault.Fault{
	Kind: fault.Refused, Code: "invalid_verification_token", Detail: "Invalid or expired verification token",
}

// errLinkSpent is why a link that is ours does not count.
var errLinkSpent = errors.New("the link is used, void, expired, for another purpose, or its account has changed")

// VerificationStore is what verifying an address needs of the store.
type VerificationStore interface {
	// ReadMailAndSessions returns an entry and those of the sessions that are there, read consistently in one call; or
	// ErrNotFound if the entry is not.
	ReadMailAndSessions(ctx context.Context, mail id.ID, sessions []session.Ref) (outbox.Mail, map[session.Ref]session.Principal, error)
	// ReadUser returns an account, read consistently, or ErrNotFound.
	ReadUser(ctx context.Context, user id.ID) (account.User, error)
	// VerifyEmail marks the mail used and its user's address verified, and proven if so said, both or neither, if the
	// mail's link still counts or is used and the user still has its address and epoch; otherwise it returns ErrMailTaken.
	VerifyEmail(ctx context.Context, mail outbox.Mail, proven bool) error
	// DisownAccount makes the mail void, removes the password of its user and raises the epoch, all or nothing, if the
	// mail's link counts or is used and the user still has its address and epoch and is not proven; otherwise it
	// returns ErrMailTaken.
	DisownAccount(ctx context.Context, mail outbox.Mail) error
}

// Verifier verifies addresses by the links that were mailed to them.
type Verifier struct {
	store    VerificationStore
	tokens   outbox.LinkOpener
	sessions *session.Authenticator
	now      clock.Clock
}

// NewVerifier returns a Verifier.
func NewVerifier(store VerificationStore, tokens outbox.LinkOpener, sessions *session.Authenticator, now clock.Clock) *Verifier {
	return &Verifier{store: store, tokens: tokens, sessions: sessions, now: now}
}

// Verified is what a verification found.
type Verified bool

// What verifying can find.
const (
	VerifiedNow    Verified = true
	VerifiedBefore Verified = false
)

// Verify verifies the address that token was mailed to. A request that also carries a live session of that account proves
// that the holder of the password owns the mailbox; other credentials are ignored. A link that was used verifies again,
// as long as it has not expired and nothing has voided it. Every other token is ErrInvalidVerificationToken.
func (v *Verifier) Verify(ctx context.Context, token secret.String, credentials session.Credentials) (Verified, error) {
	mailID, err := v.tokens.OpenMail(outbox.Verification, token.Reveal())
	if err != nil {
		return VerifiedBefore, ErrInvalidVerificationToken.Because(err)
	}
	presentation := v.sessions.Candidates(credentials)
	mail, found, err := v.read(ctx, mailID, presentation.Refs())
	if err != nil {
		return VerifiedBefore, err
	}
	proven := false
	for _, principal := range v.sessions.Live(presentation, found) {
		proven = proven || principal.User.ID == mail.User
	}
	if err := v.store.VerifyEmail(ctx, mail, proven); err != nil {
		return VerifiedBefore, v.refusal("verifying the address", err)
	}
	reqlog.User(ctx, mail.User)
	return mail.State != outbox.Used, nil
}

// LinkInfo is what the page behind a link shows.
type LinkInfo struct {
	Username string // as typed
	Proven   bool   // the holder of the password has shown to own the mailbox
}

// Inspect returns whose address token verifies, and changes nothing.
func (v *Verifier) Inspect(ctx context.Context, token secret.String) (LinkInfo, error) {
	mailID, err := v.tokens.OpenMail(outbox.Verification, token.Reveal())
	if err != nil {
		return LinkInfo{}, ErrInvalidVerificationToken.Because(err)
	}
	mail, _, err := v.read(ctx, mailID, nil)
	if err != nil {
		return LinkInfo{}, err
	}
	user, err := readLinkUser(ctx, v.store, mail)
	if err != nil {
		return LinkInfo{}, v.refusal("reading the account", err)
	}
	return LinkInfo{Username: user.Username.Typed, Proven: user.Proven}, nil
}

// Disown is for the owner of a mailbox whose address somebody else has registered: it spends the token, removes the
// password and ends all sessions. On a proven account, or with any other unusable token, it is
// ErrInvalidVerificationToken.
func (v *Verifier) Disown(ctx context.Context, token secret.String) error {
	mailID, err := v.tokens.OpenMail(outbox.Verification, token.Reveal())
	if err != nil {
		return ErrInvalidVerificationToken.Because(err)
	}
	mail, _, err := v.read(ctx, mailID, nil)
	if err != nil {
		return err
	}
	if err := v.store.DisownAccount(ctx, mail); err != nil {
		return v.refusal("disowning the account", err)
	}
	reqlog.User(ctx, mail.User)
	return nil
}

// read returns the mail if its link counts or was used.
func (v *Verifier) read(
	ctx context.Context, mailID id.ID, sessions []session.Ref,
) (outbox.Mail, map[session.Ref]session.Principal, error) {
	mail, found, err := v.store.ReadMailAndSessions(ctx, mailID, sessions)
	if err == nil && !mail.LinkValid(outbox.Verification, v.now(), outbox.Leased, outbox.Sent, outbox.Used) {
		err = errLinkSpent
	}
	if err != nil {
		return outbox.Mail{}, nil, v.refusal("reading the mail", err)
	}
	return mail, found, nil
}

// refusal tells a link that does not count from a store that does not answer.
func (v *Verifier) refusal(doing string, err error) error {
	return linkRefusal(ErrInvalidVerificationToken, doing, err)
}

func linkRefusal(refused *fault.Fault, doing string, err error) error {
	if errors.Is(err, account.ErrNotFound) || errors.Is(err, outbox.ErrStale) || errors.Is(err, errLinkSpent) {
		return refused.Because(err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// userReader reads accounts.
type userReader interface {
	ReadUser(ctx context.Context, user id.ID) (account.User, error)
}

// readLinkUser returns the user of a mail if the link still speaks of that account: same address, same epoch, active.
func readLinkUser(ctx context.Context, store userReader, mail outbox.Mail) (account.User, error) {
	user, err := store.ReadUser(ctx, mail.User)
	if err != nil {
		return account.User{}, err
	}
	if !user.Active || user.Epoch != mail.Epoch || user.Email.Canonical != mail.Address {
		return account.User{}, errLinkSpent
	}
	return user, nil
}
