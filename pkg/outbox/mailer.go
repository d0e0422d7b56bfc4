package outbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"latchkey/pkg/account"
	"latchkey/pkg/clock"
	"latchkey/pkg/id"
	"latchkey/pkg/secret"
)

// MailerStore is the part of the store that delivers mails.
type MailerStore interface {
	// ReadMail returns an entry in a consistent read, or account.ErrNotFound.
	ReadMail(ctx context.Context, mail id.ID) (Mail, error)
	// ReadUser returns an account in a consistent read, or account.ErrNotFound.
	ReadUser(ctx context.Context, user id.ID) (account.User, error)
	// FindUserByAddress returns the account with the canonical address in a consistent read, or account.ErrNotFound.
	FindUserByAddress(ctx context.Context, canonical string) (account.User, error)
	// ReadMailHistory returns the history of an address in a consistent read. It is zero if nothing is stored.
	ReadMailHistory(ctx context.Context, purpose Purpose, address string) (History, error)
	// LeaseMail writes the lease and its history, both or neither. Of two mailers one succeeds and the other gets ErrStale. If
	// the history has another revision, it returns ErrHistoryChanged.
	LeaseMail(ctx context.Context, lease Lease) error
	// SetMailState sets the state of a mail that worker has leased, and ends the lease. If worker is empty, it sets the state
	// of a mail that is still queued. In any other case it does nothing.
	SetMailState(ctx context.Context, mail id.ID, worker string, to State) error
}

// Mailer delivers the mails of the outbox.
type Mailer struct {
	store  MailerStore
	sender Sender
	tokens linkSealer
	limits Limits
	lives  Lifetimes
	now    clock.Clock
	log    *slog.Logger
}

// NewMailer returns a Mailer.
func NewMailer(
	store MailerStore, sender Sender, tokens linkSealer, limits Limits, lives Lifetimes, now clock.Clock, log *slog.Logger,
) *Mailer {
	return &Mailer{store: store, sender: sender, tokens: tokens, limits: limits, lives: lives, now: now, log: log}
}

// Deliver sends a mail, once, if it is due. worker must be unique to the call.
//
// It returns nil if nothing remains to be done, also for a mail that does not exist, has no recipient or exceeds the limits.
// After an error the mail must be delivered again, by this mailer or another one.
func (m *Mailer) Deliver(ctx context.Context, mailID id.ID, worker string) error {
	mail, err := m.store.ReadMail(ctx, mailID)
	if errors.Is(err, account.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the mail: %w", err)
	}
	if m.finished(mail) {
		return nil
	}
	if mail.State == Leased && m.now().Before(mail.LeaseEnd) {
		return errors.New("another mailer has leased the mail")
	}
	user, err := m.recipient(ctx, mail)
	if errors.Is(err, account.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("finding the recipient: %w", err)
	}
	leased, err := m.lease(ctx, mail, user, worker)
	if err != nil || leased.State == Void {
		return err
	}
	return m.send(ctx, leased, user)
}

// finished reports whether the mail needs no delivery, or is too old for one.
func (m *Mailer) finished(mail Mail) bool {
	open := mail.State == Queued || mail.State == Leased
	return !open || !m.now().Before(mail.Created.Add(retention))
}

// recipient returns the account that should receive the mail, or account.ErrNotFound if none should.
func (m *Mailer) recipient(ctx context.Context, mail Mail) (account.User, error) {
	user, err := m.account(ctx, mail)
	if err != nil {
		return account.User{}, err
	}
	changed := user.Email.Canonical != mail.Address || mail.State == Leased && user.Epoch != mail.Epoch
	pointless := mail.Purpose.definition().OnlyUnverified && user.EmailVerified
	if !user.Active || changed || pointless {
		return account.User{}, account.ErrNotFound
	}
	return user, nil
}

func (m *Mailer) account(ctx context.Context, mail Mail) (account.User, error) {
	if !mail.User.IsZero() {
		return m.store.ReadUser(ctx, mail.User)
	}
	return m.store.FindUserByAddress(ctx, mail.Address)
}

// leaseAttempts is how often a lease is attempted if other mailers change the history of the address at the same time.
const leaseAttempts = 5

// lease leases the mail for the worker, or voids it if the limits do not allow it. It returns the mail in its new state.
func (m *Mailer) lease(ctx context.Context, mail Mail, user account.User, worker string) (Mail, error) {
	now := m.now()
	lease := Lease{Mail: m.leased(mail, user, worker, now), Now: now, Takeover: mail.State == Leased}
	limited := !lease.Takeover && !mail.Purpose.definition().Notice
	for range leaseAttempts {
		if limited {
			history, err := m.store.ReadMailHistory(ctx, mail.Purpose, mail.Address)
			if err != nil {
				return Mail{}, fmt.Errorf("reading the history of the address: %w", err)
			}
			var allowed bool
			if lease.History, allowed = m.limits.add(history, now); !allowed {
				mail.State = Void
				return mail, m.store.SetMailState(ctx, mail.ID, "", Void)
			}
		}
		err := m.store.LeaseMail(ctx, lease)
		if errors.Is(err, ErrHistoryChanged) {
			continue
		}
		if err != nil {
			return Mail{}, fmt.Errorf("leasing the mail: %w", err)
		}
		return lease.Mail, nil
	}
	return Mail{}, ErrHistoryChanged
}

// leased returns the mail as its lease stores it. A mail that was leased before keeps its key, so its link stays the same.
func (m *Mailer) leased(mail Mail, user account.User, worker string, now time.Time) Mail {
	if mail.KeyID == "" {
		mail.KeyID = m.tokens.DerivingKey()
	}
	mail.State = Leased
	mail.User, mail.Epoch = user.ID, user.Epoch
	mail.Worker, mail.LeaseEnd = worker, clock.WholeSeconds(now).Add(leaseTime)
	mail.LinkEnd = clock.WholeSeconds(now).Add(mail.Purpose.definition().life(m.lives))
	if mail.LinkEnd.After(mail.Expires) {
		mail.Expires = mail.LinkEnd
	}
	return mail
}

// send sends a leased mail and marks it.
func (m *Mailer) send(ctx context.Context, mail Mail, user account.User) error {
	var token secret.String
	if mail.Purpose.definition().HasLink() {
		var err error
		if token, err = m.tokens.SealMail(mail.KeyID, mail.Purpose, mail.ID); err != nil {
			return fmt.Errorf("deriving the link: %w", err)
		}
	}
	err := m.sender.SendMail(ctx, mail.Purpose, user, token)
	switch {
	case err == nil:
		m.mark(ctx, mail, Sent)
		return nil
	case errors.Is(err, ErrRefused):
		m.log.WarnContext(ctx, "a mail was refused permanently",
			"mail_id", mail.ID.String(), "user_id", user.ID.String(), "cause", err.Error())
		m.mark(ctx, mail, Void)
		return nil
	default:
		m.mark(ctx, mail, Leased) // ends the lease early, so the next delivery does not have to wait for it
		return fmt.Errorf("sending the mail: %w", err)
	}
}

// mark stores the new state of a mail. If that fails, the mail stays leased and is not sent again. See the life of a mail.
func (m *Mailer) mark(ctx context.Context, mail Mail, state State) {
	if err := m.store.SetMailState(ctx, mail.ID, mail.Worker, state); err != nil {
		m.log.ErrorContext(ctx, "the state of a mail could not be stored",
			"mail_id", mail.ID.String(), "state", string(state), "cause", err.Error())
	}
}
