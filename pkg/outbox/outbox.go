// Package outbox queues mails and sends each of them once.
//
// An entry of the outbox is also the one-time token in the link of its mail. The package defines the purposes
// of mails, selects their recipients, limits how many mails an address receives, and keeps two mailers from sending the same
// mail. It does not compose mails or call SES, which package mail does, and it does not act on links, which package maillink
// does.
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
