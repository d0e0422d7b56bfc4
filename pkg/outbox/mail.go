// Package outbox queues mails and sends each of them once.
//
// An entry of the outbox is also the one-time token in the link of its mail. Package maillink decides what following a link
// does; package mail composes messages and calls SES.
package outbox

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"latchkey/pkg/account"
	"latchkey/pkg/clock"
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

// Purpose says what a mail is for.
type Purpose string

// The purposes.
const (
	Verification Purpose = "verification" // asks the owner of an address to confirm it
	Reset        Purpose = "reset"        // lets the owner of an address set a new password
	AddressTaken Purpose = "taken"        // tells who registers again that there is an account; no link, limited as those

	// Notices have no link, are not limited and not asked for.
	PasswordChanged Purpose = "password_changed"
	PasswordRemoved Purpose = "password_removed" // by who proved to own the mailbox of an account not proven
	Guessing        Purpose = "guessing"         // somebody has tried too many passwords
)

// hasLink says whether the mail carries a link with a token.
func (p Purpose) hasLink() bool { return p == Verification || p == Reset }

// isNotice says whether the mail tells what has happened, and has no link.
func (p Purpose) isNotice() bool {
	return p == PasswordChanged || p == PasswordRemoved || p == Guessing
}

// State is how far a mail has come.
type State string

// The states.
const (
	Queued State = "queued"
	Leased State = "claimed"
	Sent   State = "sent"
	Used   State = "used"
	Void   State = "void"
)

// mailRetention is how long sending is tried, and an entry kept at least: as long as the stream keeps its record.
const mailRetention = 24 * time.Hour

// Mail is an outbox entry.
type Mail struct {
	ID      id.ID
	Purpose Purpose
	State   State
	Address string    // canonical; the mail goes to the address that the account then holds
	Created time.Time // to the millisecond
	Expires time.Time // whole seconds: the end of the entry

	// Since the claim; of a notice, User from the beginning.
	User     id.ID
	Epoch    uint64
	KeyID    string    // of the key that derives the link
	LinkEnd  time.Time // whole seconds
	LeaseEnd time.Time // whole seconds: until then nobody else sends it
	Worker   string    // who holds the lease
}

// NewMail makes an entry for an address.
func NewMail(mailID id.ID, purpose Purpose, address string, now time.Time) Mail {
	return Mail{
		ID:      mailID,
		Purpose: purpose,
		State:   Queued,
		Address: address,
		Created: now.Truncate(time.Millisecond),
		Expires: clock.WholeSeconds(now).Add(mailRetention),
	}
}

// NewNotice makes an entry that tells a user something.
func NewNotice(mailID id.ID, purpose Purpose, user account.User, now time.Time) Mail {
	notice := NewMail(mailID, purpose, user.Email.Canonical, now)
	notice.User = user.ID
	return notice
}

// LinkValid says whether the mail's link is good at now, as far as the entry tells.
func (m Mail) LinkValid(purpose Purpose, now time.Time, states ...State) bool {
	return m.Purpose == purpose && now.Before(m.LinkEnd) && slices.Contains(states, m.State)
}

// Queue is where mails are asked for.
type Queue interface {
	// QueueMail stores a new entry.
	QueueMail(ctx context.Context, mail Mail) error
}

// Requester takes requests for mails.
type Requester struct {
	queue  Queue
	now    clock.Clock
	random io.Reader
}

// NewRequester returns a Requester.
func NewRequester(queue Queue, now clock.Clock, random io.Reader) *Requester {
	return &Requester{queue: queue, now: now, random: random}
}

// Request asks for a mail to an address, as typed. Whether there is an account for it is not looked up, and not told.
func (d *Requester) Request(ctx context.Context, purpose Purpose, typed string) error {
	address, err := identifier.ParseAddress(typed)
	if err != nil {
		return fault.Validation(fault.Field{Key: "email", Message: err.Error()})
	}
	mail := NewMail(id.New(d.random), purpose, address.Canonical, d.now())
	if err := d.queue.QueueMail(ctx, mail); err != nil {
		return fmt.Errorf("queuing the mail: %w", err)
	}
	return nil
}

// LinkOpener reads the tokens of links without a call to anything.
type LinkOpener interface {
	// OpenMail returns the mail whose link for that purpose holds token, or an error for one that no key of the set made.
	OpenMail(purpose Purpose, token string) (id.ID, error)
}

// linkSealer derives the tokens of links.
type linkSealer interface {
	DerivingKey() string
	// SealMail derives the one token that key, purpose and mail have.
	SealMail(key string, purpose Purpose, mail id.ID) (secret.String, error)
}
