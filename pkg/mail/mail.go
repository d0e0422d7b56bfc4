// Package mail writes the mails of the product and hands them to SES. It is the only home of the SES SDK.
//
// A [Composer] makes a [Message] from template files, a [Sender] gives one message to SES, once. Everything that people
// chose is hostile here: a username can bring neither markup, template code, header, recipient nor a link into a mail, and a
// mail goes to the one address that the account has.
//
// The package decides nothing: who gets a mail, how often, and what becomes of one that could not be sent are rules of
// package outbox and of the mailer.
package mail

import (
	"errors"
	"fmt"
	"strings"

	"latchkey/pkg/identifier"
	"latchkey/pkg/secret"
)

// ErrRejected says that a mail can never be sent, however often it is tried: its recipient or content is refused. Every
// other error of this package's calls is a passing one, or one that the operator can mend, so that the mail is to be kept.
var ErrRejected = errors.New("rejected for good")

// Message is a mail to one recipient, ready to be sent. Its bodies carry the one-time link.
type Message struct {
	To      string // an addr-spec in ASCII, without display name
	Subject string // one line
	Text    secret.String
	HTML    secret.String
}

// check refuses what could become another header or recipient. [Composer.Compose] makes no such message; this is the last
// door before SES, which writes the headers.
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

// recipient is the address that SES is told: the local part as the account's holder typed it, whose case is for the receiving
// host to say (RFC 5321 §2.4), and the domain in its A-labels, since SES takes no others.
func recipient(address identifier.Address) (string, error) {
	local, _, _ := strings.Cut(address.Typed, "@")
	_, domain, _ := strings.Cut(address.Canonical, "@")
	to := local + "@" + domain
	parsed, err := identifier.ParseAddress(to)
	if err != nil {
		return "", fmt.Errorf("%w: the account's address: %w", ErrRejected, err)
	}
	if parsed.Canonical != address.Canonical {
		return "", fmt.Errorf("%w: the account's address is not the one its canonical form stands for", ErrRejected)
	}
	return to, nil
}

func sameDomain(a, b string) bool {
	_, first, _ := strings.Cut(a, "@")
	_, second, _ := strings.Cut(b, "@")
	return first == second
}
