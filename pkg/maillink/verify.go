package maillink

import (
	"context"

	"latchkey/pkg/account"
	"latchkey/pkg/clock"
	"latchkey/pkg/id"
	"latchkey/pkg/outbox"
	"latchkey/pkg/reqlog"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
)

// VerificationStore is the part of the store that verifies addresses.
type VerificationStore interface {
	// ReadMailAndSessions returns an entry, and those of the sessions that exist, in one consistent read. It returns
	// account.ErrNotFound if the entry does not exist.
	ReadMailAndSessions(ctx context.Context, mail id.ID, sessions []session.Ref) (outbox.Mail, map[session.Ref]session.Principal, error)
	// ReadUser returns an account in a consistent read, or account.ErrNotFound.
	ReadUser(ctx context.Context, user id.ID) (account.User, error)
	// VerifyEmail marks the mail as used and the user's address as verified, and as proven if proven is set, all or nothing. It
	// requires that the link is valid or used, and that the user has the address and the epoch of the mail. Otherwise it
	// returns outbox.ErrStale.
	VerifyEmail(ctx context.Context, mail outbox.Mail, proven bool) error
	// DisownAccount voids the mail, removes the user's password and raises the epoch, all or nothing. It requires that the link
	// is valid or used, that the user has the address and the epoch of the mail, and that the user is not proven. Otherwise it
	// returns outbox.ErrStale.
	DisownAccount(ctx context.Context, mail outbox.Mail) error
}

// Verifier verifies addresses through mailed links.
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

// Verified distinguishes the first use of a verification link from a repeated one.
type Verified bool

// The results of a verification.
const (
	VerifiedNow    Verified = true
	VerifiedBefore Verified = false
)

// Verify verifies the address that the token was mailed to.
//
// If the credentials belong to a live session of that account, the request also proves that the holder of the password owns the
// mailbox. Other credentials are ignored. A used link verifies again until it expires or is voided. For every other token Verify
// returns ErrInvalidVerificationToken.
func (v *Verifier) Verify(ctx context.Context, token secret.String, credentials session.Credentials) (Verified, error) {
	mailID, err := v.tokens.OpenMail(outbox.Verification, token.Reveal())
	if err != nil {
		return VerifiedBefore, ErrInvalidVerificationToken.Because(err)
	}
	candidates := v.sessions.Candidates(credentials)
	mail, stored, err := v.read(ctx, mailID, candidates.Refs())
	if err != nil {
		return VerifiedBefore, err
	}
	proven := false
	for _, principal := range v.sessions.Live(candidates, stored) {
		proven = proven || principal.User.ID == mail.User
	}
	if err := v.store.VerifyEmail(ctx, mail, proven); err != nil {
		return VerifiedBefore, linkError(ErrInvalidVerificationToken, "verifying the address", err)
	}
	reqlog.User(ctx, mail.User)
	return mail.State != outbox.Used, nil
}

// Inspect describes the account of the token and changes nothing.
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
		return LinkInfo{}, linkError(ErrInvalidVerificationToken, "reading the account", err)
	}
	return LinkInfo{Username: user.Username.Typed, Proven: user.Proven}, nil
}

// Disown lets the owner of a mailbox reject an account that another person has registered with its address. It spends the
// token, removes the password and ends all sessions. It returns ErrInvalidVerificationToken if the account is proven, or if the
// token cannot be used for any other reason.
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
		return linkError(ErrInvalidVerificationToken, "disowning the account", err)
	}
	reqlog.User(ctx, mail.User)
	return nil
}

// read returns the mail, and those of the sessions that exist, if the link is valid or used.
func (v *Verifier) read(
	ctx context.Context, mailID id.ID, sessions []session.Ref,
) (outbox.Mail, map[session.Ref]session.Principal, error) {
	mail, stored, err := v.store.ReadMailAndSessions(ctx, mailID, sessions)
	if err == nil && !mail.LinkValid(outbox.Verification, v.now(), outbox.Leased, outbox.Sent, outbox.Used) {
		err = errLinkNotValid
	}
	if err != nil {
		return outbox.Mail{}, nil, linkError(ErrInvalidVerificationToken, "reading the mail", err)
	}
	return mail, stored, nil
}
