package auth

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"latchkey/pkg/fault"
	"latchkey/pkg/id"
	"latchkey/pkg/identifier"
	"latchkey/pkg/secret"
)

// The life of a mail
//
// An outbox entry is the mail to be sent and, once claimed, the one-time token in its link.
//
//	         request            mailer claims             mailer marks           link used
//	(nothing) ─────▶ queued ─────────────────▶ claimed ────────────▶ sent ────────────▶ used
//	                   │                        │  ▲  └──────────────────────────────────▲
//	                   │ over the limits        └──┘ lease over: claimed again
//	                   ▼
//	                  void ◀── the provider refuses it for good; "this was not me"
//
// The request stores the entry and looks nobody up, so that known and unknown addresses cannot be told apart and the
// request never waits for the mail provider. The table's stream wakes the mailer, to which the record is a hint: the item
// says how things stand, so that records may come twice, late and to several mailers at once.
//
// A claim is one transaction with the counter of the address: it writes for whom the link counts (user, address, epoch),
// which key derives it, who sends it and until when nobody else will. Of two mailers one claims. A mailer that dies leaves
// its lease to run out; whoever claims the entry then derives the very same link, and does not count it again.
//
// A link counts while its entry is claimed or sent (a mail can arrive before it is marked), its time has not come, and its
// user still has the address and epoch of the claim. Whatever raises the epoch voids all links at once.
//
// The one window for a second copy lies between the provider's answer and the mark: a mailer that dies there is followed by
// another that cannot know. A mark that fails is let be: the entry stays claimed, its link counts, and nothing is sent again.

// MailPurpose says what a mail is for.
type MailPurpose string

// The purposes.
const (
	MailVerification MailPurpose = "verification" // asks the owner of an address to confirm it
	MailReset        MailPurpose = "reset"        // lets the owner of an address set a new password
	MailTaken        MailPurpose = "taken"        // tells who registers again that there is an account; no link, limited as those

	// Notices have no link, are not limited and not asked for.
	MailPasswordChanged MailPurpose = "password_changed"
	MailPasswordRemoved MailPurpose = "password_removed" // by who proved to own the mailbox of an account not proven
	MailGuessing        MailPurpose = "guessing"         // somebody has tried too many passwords
)

// hasLink says whether the mail carries a link with a token.
func (p MailPurpose) hasLink() bool { return p == MailVerification || p == MailReset }

// isNotice says whether the mail tells what has happened, and has no link.
func (p MailPurpose) isNotice() bool {
	return p == MailPasswordChanged || p == MailPasswordRemoved || p == MailGuessing
}

// MailState is how far a mail has come.
type MailState string

// The states.
const (
	MailQueued  MailState = "queued"
	MailClaimed MailState = "claimed"
	MailSent    MailState = "sent"
	MailUsed    MailState = "used"
	MailVoid    MailState = "void"
)

// mailRetention is how long sending is tried, and an entry kept at least: as long as the stream keeps its record.
const mailRetention = 24 * time.Hour

// Mail is an outbox entry.
type Mail struct {
	ID      id.ID
	Purpose MailPurpose
	State   MailState
	Address string    // canonical; the mail goes to the address that the account then holds
	Created time.Time // to the millisecond
	Expires time.Time // whole seconds: the end of the entry

	// Since the claim; of a notice, User from the beginning.
	User    id.ID
	Epoch   uint64
	KeyID   string    // of the key that derives the link
	LinkEnd time.Time // whole seconds
	Lease   time.Time // whole seconds: until then nobody else sends it
	Worker  string    // who holds the lease
}

// newMail makes an entry for an address.
func newMail(mailID id.ID, purpose MailPurpose, address string, now time.Time) Mail {
	return Mail{
		ID:      mailID,
		Purpose: purpose,
		State:   MailQueued,
		Address: address,
		Created: now.Truncate(time.Millisecond),
		Expires: wholeSeconds(now).Add(mailRetention),
	}
}

// newNotice makes an entry that tells a user something.
func newNotice(mailID id.ID, purpose MailPurpose, user User, now time.Time) Mail {
	notice := newMail(mailID, purpose, user.Email.Canonical, now)
	notice.User = user.ID
	return notice
}

// counts says whether the mail's link is good at now, as far as the entry tells.
func (m Mail) counts(purpose MailPurpose, now time.Time, states ...MailState) bool {
	return m.Purpose == purpose && now.Before(m.LinkEnd) && slices.Contains(states, m.State)
}

// MailQueue is where mails are asked for.
type MailQueue interface {
	// QueueMail stores a new entry.
	QueueMail(ctx context.Context, mail Mail) error
}

// MailDesk takes requests for mails.
type MailDesk struct {
	queue  MailQueue
	now    Clock
	random io.Reader
}

// NewMailDesk returns a MailDesk.
func NewMailDesk(queue MailQueue, now Clock, random io.Reader) *MailDesk {
	return &MailDesk{queue: queue, now: now, random: random}
}

// Request asks for a mail to an address, as typed. Whether there is an account for it is not looked up, and not told.
func (d *MailDesk) Request(ctx context.Context, purpose MailPurpose, typed string) error {
	address, err := identifier.ParseAddress(typed)
	if err != nil {
		return fault.Validation(fault.Field{Key: "email", Message: err.Error()})
	}
	mail := newMail(id.New(d.random), purpose, address.Canonical, d.now())
	if err := d.queue.QueueMail(ctx, mail); err != nil {
		return fmt.Errorf("queuing the mail: %w", err)
	}
	return nil
}

// mailOpener reads the tokens of links without a call to anything.
type mailOpener interface {
	// OpenMail returns the mail whose link for that purpose holds token, or an error for one that no key of the set made.
	OpenMail(purpose MailPurpose, token string) (id.ID, error)
}

// mailSealer derives the tokens of links.
type mailSealer interface {
	DerivingKey() string
	// SealMail derives the one token that key, purpose and mail have.
	SealMail(key string, purpose MailPurpose, mail id.ID) (secret.String, error)
}
