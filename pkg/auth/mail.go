package auth

import (
	"time"

	"latchkey/pkg/id"
	"latchkey/pkg/identifier"
)

// MailPurpose says what a mail is for.
type MailPurpose string

// MailVerification asks the owner of an address to confirm it.
const MailVerification MailPurpose = "verification"

// Mail is an outbox entry: a mail that is to be sent and, once sent, the one-time token in it.
type Mail struct {
	ID      id.ID
	Purpose MailPurpose
	Address string // canonical; the mail goes to the address that the account then holds
	Created time.Time
	Expires time.Time // whole seconds: the end of the link and of all tries to send it
}

func newMail(mailID id.ID, purpose MailPurpose, to identifier.Address, now time.Time, life time.Duration) Mail {
	return Mail{
		ID:      mailID,
		Purpose: purpose,
		Address: to.Canonical,
		Created: now.Truncate(time.Millisecond),
		Expires: wholeSeconds(now).Add(life),
	}
}
