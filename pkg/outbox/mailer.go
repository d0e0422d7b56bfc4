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

// Limits say how much is sent to one address for one purpose. Notices are not limited.
type Limits struct {
	PerHour     int           // mails in any hour
	MinInterval time.Duration // the least time between two
}

// Lifetimes are how long links count, from the claim of their mail. Whole seconds.
type Lifetimes struct {
	Verification time.Duration
	Reset        time.Duration
}

// History is when mails for a purpose were sent to an address lately.
type History struct {
	Times    []time.Time // to the millisecond
	Revision uint64      // of the item; zero if there is none
}

// Lease makes a mail a mailer's to send.
type Lease struct {
	Mail     Mail      // as it shall be: claimed, with user, epoch, key, link's end, lease and worker
	Now      time.Time // a lease that has ended by now may be taken over
	Takeover bool      // the mail was claimed and counted before; its lease has run out
	History  History   // how the counter shall be, over its revision; not looked at if Again or for a notice
}

// What a claim can meet.
var (
	// ErrStale says that the mail does not stand where the claim expected it.
	ErrStale = errors.New("the mail has been claimed, sent or dropped")
	// ErrHistoryChanged says that the counter has changed since it was read.
	ErrHistoryChanged = errors.New("the counter of the address has changed")
)

// MailerStore is what the mailer needs of the store.
type MailerStore interface {
	// ReadMail returns an entry, read consistently, or ErrNotFound.
	ReadMail(ctx context.Context, mail id.ID) (Mail, error)
	// ReadUser returns an account, read consistently, or ErrNotFound.
	ReadUser(ctx context.Context, user id.ID) (account.User, error)
	// FindUser returns the account that login names, read consistently, or ErrNotFound.
	FindUser(ctx context.Context, login account.LoginName) (account.User, error)
	// ReadMailHistory returns the counter of an address, read consistently; the zero value if there is none.
	ReadMailHistory(ctx context.Context, purpose Purpose, address string) (History, error)
	// LeaseMail makes the claim and counts it, both or neither: of two mailers one wins and the other gets ErrMailTaken.
	LeaseMail(ctx context.Context, claim Lease) error
	// SetMailState gives a mail that worker has claimed, or one still queued for an empty worker, the state, and ends the
	// lease. It does nothing if the mail does not stand there.
	SetMailState(ctx context.Context, mail id.ID, worker string, to State) error
}

// ErrRefused is what a sender returns, wrapped, for a mail that will never be taken.
var ErrRefused = errors.New("the mail is refused for good")

// Sender brings one mail on its way.
type Sender interface {
	// SendMail sends the mail of purpose to the user; token is empty for a notice. An error that wraps ErrMailRefused is
	// for good; after any other nobody knows whether it was sent.
	SendMail(ctx context.Context, purpose Purpose, user account.User, token secret.String) error
}

// leaseTime is longer than a mailer lives: whose lease has run out is dead.
const leaseTime = 90 * time.Second

// Mailer sends what is in the outbox.
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

// Deliver brings the mail on its way, once, if it is due. nil means that nothing is left to do. worker names this try and
// no other. After an error Deliver should be called again, by whoever.
func (m *Mailer) Deliver(ctx context.Context, mailID id.ID, worker string) error {
	mail, err := m.store.ReadMail(ctx, mailID)
	if errors.Is(err, account.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the mail: %w", err)
	}
	if m.settled(mail) {
		return nil
	}
	if mail.State == Leased && m.now().Before(mail.LeaseEnd) {
		return errors.New("another mailer holds the mail")
	}
	user, err := m.recipient(ctx, mail)
	if errors.Is(err, account.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("finding the recipient: %w", err)
	}
	claimed, err := m.claim(ctx, mail, user, worker)
	if err != nil || claimed.State == Void {
		return err
	}
	return m.send(ctx, claimed, user)
}

// settled says that the mail was dealt with, or that its time has passed.
func (m *Mailer) settled(mail Mail) bool {
	open := mail.State == Queued || mail.State == Leased
	return !open || !m.now().Before(mail.Created.Add(mailRetention))
}

// recipient returns the account that the mail is for, or ErrNotFound if there is none that should get it.
func (m *Mailer) recipient(ctx context.Context, mail Mail) (account.User, error) {
	user, err := m.account(ctx, mail)
	if err != nil {
		return account.User{}, err
	}
	moved := user.Email.Canonical != mail.Address || mail.State == Leased && user.Epoch != mail.Epoch
	pointless := mail.Purpose == Verification && user.EmailVerified
	if !user.Active || moved || pointless {
		return account.User{}, account.ErrNotFound
	}
	return user, nil
}

func (m *Mailer) account(ctx context.Context, mail Mail) (account.User, error) {
	if !mail.User.IsZero() {
		return m.store.ReadUser(ctx, mail.User)
	}
	return m.store.FindUser(ctx, account.LoginName{Canonical: mail.Address, IsAddress: true})
}

// countTries is how often a claim is tried against others that change the counter at the same time.
const countTries = 5

// claim makes the mail this mailer's, or void if the limits do not allow it.
func (m *Mailer) claim(ctx context.Context, mail Mail, user account.User, worker string) (Mail, error) {
	now := m.now()
	claim := Lease{Mail: m.claimed(mail, user, worker, now), Now: now, Takeover: mail.State == Leased}
	for range countTries {
		if m.limited(claim) {
			count, err := m.store.ReadMailHistory(ctx, mail.Purpose, mail.Address)
			if err != nil {
				return Mail{}, fmt.Errorf("reading the counter: %w", err)
			}
			var allowed bool
			if claim.History, allowed = m.limits.add(count, now); !allowed {
				mail.State = Void
				return mail, m.store.SetMailState(ctx, mail.ID, "", Void)
			}
		}
		err := m.store.LeaseMail(ctx, claim)
		if errors.Is(err, ErrHistoryChanged) {
			continue
		}
		if err != nil {
			return Mail{}, fmt.Errorf("claiming the mail: %w", err)
		}
		return claim.Mail, nil
	}
	return Mail{}, ErrHistoryChanged
}

func (*Mailer) limited(claim Lease) bool {
	return !claim.Takeover && !claim.Mail.Purpose.isNotice()
}

// claimed is the mail as a claim makes it. One that was claimed before keeps its key, so that its link stays the same.
func (m *Mailer) claimed(mail Mail, user account.User, worker string, now time.Time) Mail {
	if mail.KeyID == "" {
		mail.KeyID = m.tokens.DerivingKey()
	}
	mail.State = Leased
	mail.User, mail.Epoch = user.ID, user.Epoch
	mail.Worker, mail.LeaseEnd = worker, clock.WholeSeconds(now).Add(leaseTime)
	mail.LinkEnd = clock.WholeSeconds(now).Add(m.life(mail.Purpose))
	if mail.LinkEnd.After(mail.Expires) {
		mail.Expires = mail.LinkEnd
	}
	return mail
}

func (m *Mailer) life(purpose Purpose) time.Duration {
	switch purpose {
	case Verification:
		return m.lives.Verification
	case Reset:
		return m.lives.Reset
	case PasswordChanged, PasswordRemoved, Guessing, AddressTaken:
	}
	return 0
}

// add counts one more mail at now, if the limits allow it.
func (l Limits) add(count History, now time.Time) (History, bool) {
	recent := History{Revision: count.Revision}
	for _, sent := range count.Times {
		if sent.After(now.Add(-time.Hour)) {
			recent.Times = append(recent.Times, sent)
		}
		if sent.After(now.Add(-l.MinInterval)) {
			return History{}, false
		}
	}
	if len(recent.Times) >= l.PerHour {
		return History{}, false
	}
	recent.Times = append(recent.Times, now.Truncate(time.Millisecond))
	return recent, true
}

// send sends a claimed mail and marks it.
func (m *Mailer) send(ctx context.Context, mail Mail, user account.User) error {
	var token secret.String
	if mail.Purpose.hasLink() {
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
		m.log.WarnContext(ctx, "a mail was refused for good", "mail_id", mail.ID.String(), "user_id", user.ID.String(), "cause", err.Error())
		m.mark(ctx, mail, Void)
		return nil
	default:
		m.mark(ctx, mail, Leased) // gives the lease back, so that the next try need not wait for its end
		return fmt.Errorf("sending the mail: %w", err)
	}
}

// mark notes what became of a mail. If that fails the mail stays claimed, and is not sent again: see the life of a mail.
func (m *Mailer) mark(ctx context.Context, mail Mail, state State) {
	if err := m.store.SetMailState(ctx, mail.ID, mail.Worker, state); err != nil {
		m.log.ErrorContext(ctx, "a mail could not be marked", "mail_id", mail.ID.String(), "state", string(state), "cause", err.Error())
	}
}
