// Package outbox queues mails and sends each of them once.
//
// An entry of the outbox is also the one-time token in the link of its mail. The package defines what mails there are, who
// receives one, how many an address receives, and how two mailers are kept from sending the same mail. It does not compose
// mails or call SES, which package mail does, and it does not decide what a link does, which package maillink does.
//
// Of the rules it imports account.
package outbox

import (
	"context"
	"fmt"
	"io"

	"latchkey/pkg/clock"
	"latchkey/pkg/fault"
	"latchkey/pkg/id"
	"latchkey/pkg/identifier"
)

// The life of a mail
//
// An entry of the outbox is the mail to send and, once it is leased, the one-time token in its link.
//
//	         request            mailer leases             mailer marks           link used
//	(nothing) ─────▶ queued ─────────────────▶ leased ─────────────▶ sent ────────────▶ used
//	                   │                        │  ▲  └──────────────────────────────────▲
//	                   │ over the limits        └──┘ lease expired: leased again
//	                   ▼
//	                  void ◀── refused permanently by SES; "This was not me"
//
// Requests. A request stores an entry and looks up no account. Known and unknown addresses therefore look alike, and the
// request never waits for the mail provider. The stream of the table wakes the mailer. A stream record is only a hint and the
// item is the truth, so a record may arrive twice, late, and at several mailers at once.
//
// Leases. A lease is one transaction over the entry and the history of the address. It stores the account that the link is
// valid for (user, address and epoch), the key that derives the link, the worker that sends the mail, and the time until
// which no other worker sends it. Of two mailers one gets the lease. If a mailer dies, its lease expires. The next mailer
// that leases the entry derives the same link and does not count the mail again.
//
// Links. A link is valid while its entry is leased or sent, because a mail can arrive before it is marked; while the link has
// not expired; and while its user still has the address and the epoch of the lease. Any rise of the epoch therefore voids
// all links of the account at once.
//
// Duplicates. A mail can be sent twice in one case only: a mailer dies between the response of the provider and the mark, and
// the next mailer cannot know that the mail was sent. If the mark fails and the mailer lives, the delivery still succeeds.
// The entry then stays leased, its link is valid, and the mail is not sent again.

// Queue is the part of the store that queues mails.
type Queue interface {
	// QueueMail stores a new entry.
	QueueMail(ctx context.Context, mail Mail) error
}

// Requester queues the mails that clients request by address.
type Requester struct {
	queue  Queue
	now    clock.Clock
	random io.Reader
}

// NewRequester returns a Requester. random must be a cryptographic source that cannot fail.
func NewRequester(queue Queue, now clock.Clock, random io.Reader) *Requester {
	return &Requester{queue: queue, now: now, random: random}
}

// Request queues a mail to an address as typed. It does not look up whether an account has the address, so its result does
// not reveal it. For text that is not an address it returns a [fault.Invalid].
func (r *Requester) Request(ctx context.Context, purpose Purpose, typed string) error {
	address, err := identifier.ParseAddress(typed)
	if err != nil {
		return fault.Validation(fault.Field{Key: "email", Message: err.Error()})
	}
	mail := NewMail(id.New(r.random), purpose, address.Canonical, r.now())
	if err := r.queue.QueueMail(ctx, mail); err != nil {
		return fmt.Errorf("queuing the mail: %w", err)
	}
	return nil
}
