// Package mail composes the mails of the product and sends them with SES. It is the only package that imports the SDK of SES.
//
// A [Composer] creates a [Message] from template files. A [Client] passes one message to SES, once. A [Sender] does both for
// package outbox. All text that people chose is treated as hostile: a username cannot add markup, template code, a header, a
// recipient or a link, and a mail goes only to the address of the account.
//
// Package outbox decides which mails are sent and how often, and what happens after a failure.
package mail

import (
	"errors"
	"fmt"
	"strings"

	"latchkey/pkg/identifier"
	"latchkey/pkg/secret"
)

// ErrRejected is the error for a mail that can never be sent, because its recipient or content is refused. All other errors of
// this package are transient or can be corrected by the operator, so the mail must be kept.
var ErrRejected = errors.New("permanently rejected")

// Message is a mail to one recipient, ready to be sent. Its bodies contain the one-time link.
type Message struct {
	To      string // an addr-spec in ASCII, without a display name
	Subject string // one line
	Text    secret.String
	HTML    secret.String
}

// check refuses a message that could add a header or a recipient. [Composer.Compose] returns no such message. This is the last
// check before SES, which writes the headers.
func (m Message) check() error {
	address, err := identifier.ParseAddress(m.To)
	switch {
	case err != nil:
		return fmt.Errorf("%w: the recipient: %w", ErrRejected, err)
	case !sameDomain(m.To, address.Canonical):
		return fmt.Errorf("%w: the recipient's domain is not in its canonical form", ErrRejected)
	case m.Subject == "" || strings.ContainsFunc(m.Subject, identifier.IsInvisible):
		return fmt.Errorf("%w: the subject is not one line of visible characters", ErrRejected)
	}
	return nil
}

// recipient returns the address for SES. The local part is as typed by the account owner, because only the receiving host knows
// whether its case matters (RFC 5321 §2.4). The domain is in A-labels, because SES accepts no others.
func recipient(address identifier.Address) (string, error) {
	local, _, _ := strings.Cut(address.Typed, "@")
	_, domain, _ := strings.Cut(address.Canonical, "@")
	to := local + "@" + domain
	parsed, err := identifier.ParseAddress(to)
	if err != nil {
		return "", fmt.Errorf("%w: the address of the account: %w", ErrRejected, err)
	}
	if parsed.Canonical != address.Canonical {
		return "", fmt.Errorf("%w: the address of the account does not match its canonical form", ErrRejected)
	}
	return to, nil
}

func sameDomain(a, b string) bool {
	_, first, _ := strings.Cut(a, "@")
	_, second, _ := strings.Cut(b, "@")
	return first == second
}
