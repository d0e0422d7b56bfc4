package outbox

import (
	"context"
	"slices"
	"time"

	"latchkey/pkg/account"
	"latchkey/pkg/clock"
	"latchkey/pkg/id"
	"latchkey/pkg/secret"
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

// State is the state of a mail. Its values are stored.
type State string

// The states.
const (
	Queued State = "queued"
	Leased State = "claimed" // the value predates the name
	Sent   State = "sent"
	Used   State = "used" // the link was used
	Void   State = "void" // the mail is not sent, and its link is not valid
)

// retention is how long delivery is attempted, and the minimum time that an entry is kept. The stream keeps its records as
// long.
const retention = 24 * time.Hour

// Mail is an entry of the outbox.
type Mail struct {
	ID      id.ID
	Purpose Purpose
	State   State
	Address string    // canonical; the mail is sent only while the account has this address
	Created time.Time // to the millisecond
	Expires time.Time // when the entry may be deleted; whole seconds

	// The lease sets the following fields. A notice has its User from the start.
	User     id.ID
	Epoch    uint64
	KeyID    string    // the key that derives the link
	LinkEnd  time.Time // when the link expires; whole seconds
	LeaseEnd time.Time // until when no other worker sends the mail; whole seconds
	Worker   string    // the delivery that has the lease
}

// NewMail returns a mail to an address. The caller must store it.
func NewMail(mailID id.ID, purpose Purpose, address string, now time.Time) Mail {
	return Mail{
		ID:      mailID,
		Purpose: purpose,
		State:   Queued,
		Address: address,
		Created: now.Truncate(time.Millisecond),
		Expires: clock.WholeSeconds(now).Add(retention),
	}
}

// NewNotice returns a notice to a user. The caller must store it.
func NewNotice(mailID id.ID, purpose Purpose, user account.User, now time.Time) Mail {
	notice := NewMail(mailID, purpose, user.Email.Canonical, now)
	notice.User = user.ID
	return notice
}

// LinkValid reports whether the entry permits using the link at now: the mail has the purpose and one of the states, and the
// link has not expired. The caller must also compare the epoch and the address of the user.
func (m Mail) LinkValid(purpose Purpose, now time.Time, states ...State) bool {
	return m.Purpose == purpose && now.Before(m.LinkEnd) && slices.Contains(states, m.State)
}

// LinkOpener reads the tokens of links without a call to a store.
type LinkOpener interface {
	// OpenMail returns the id of the mail whose link for the purpose has the token, or an error if no key of the key set
	// derived it.
	OpenMail(purpose Purpose, token string) (id.ID, error)
}

// linkSealer derives the tokens of links.
type linkSealer interface {
	// DerivingKey returns the id of the key that derives new tokens.
	DerivingKey() string
	// SealMail derives the token for the link of a mail with the key. The same arguments give the same text. It returns an
	// error for a key that is not in the key set.
	SealMail(key string, purpose Purpose, mail id.ID) (secret.String, error)
}

// Sender sends mails.
type Sender interface {
	// SendMail sends the mail of a purpose to the user. token is empty for a mail without a link. An error that wraps
	// ErrRefused is permanent. After any other error the mail may or may not have been sent.
	SendMail(ctx context.Context, purpose Purpose, user account.User, token secret.String) error
}
