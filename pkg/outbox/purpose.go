package outbox

import (
	"maps"
	"slices"
	"time"
)

// Purpose identifies a kind of mail. Its value is stored.
type Purpose string

// The purposes. Each has a row in definitions.
const (
	Verification    Purpose = "verification" // confirms an address
	Reset           Purpose = "reset"        // sets a new password
	AddressTaken    Purpose = "taken"        // informs the owner of an address that was registered again
	PasswordChanged Purpose = "password_changed"
	PasswordRemoved Purpose = "password_removed" // the mailbox's owner signed in through a provider to an account not proven
	Guessing        Purpose = "guessing"         // there were too many attempts with wrong passwords
)

// Definition describes the mails of one purpose.
type Definition struct {
	Subject  string // with %s in place of the name of the product
	Template string // the base name of the two template files in pkg/mail/templates

	// Page is the path of the page that the link leads to. The token follows it. It is empty for a mail without a link.
	Page string
	// Life selects the lifetime of the link.
	Life func(Lifetimes) time.Duration
	// TokenLabel distinguishes the token from those of other purposes. It never changes, because a change voids all links.
	TokenLabel string

	// Notice is set for a mail that reports an event to the account's owner. Notices are not limited, so that an attacker
	// cannot suppress one, and have no link, so that readers do not learn to follow links in such mails.
	Notice bool
	// OnlyUnverified is set for a mail that is pointless once the address is verified. It is then not sent.
	OnlyUnverified bool
}

// HasLink reports whether the mail has a link with a token.
func (d Definition) HasLink() bool { return d.Page != "" }

// definitions is the one list of mails. A new purpose needs a constant and a row here, and its templates in package mail.
var definitions = map[Purpose]Definition{
	Verification: {
		Subject: "Confirm your e-mail address for %s", Template: "verification", OnlyUnverified: true,
		Page: "/verify-email/", Life: verificationLife, TokenLabel: "latchkey/verification/v1",
	},
	Reset: {
		Subject: "Reset your password for %s", Template: "password_reset",
		Page: "/reset-password/", Life: resetLife, TokenLabel: "latchkey/reset/v1",
	},
	AddressTaken:    {Subject: "You already have an account at %s", Template: "taken"},
	PasswordChanged: {Subject: "Your password for %s was changed", Template: "password_changed", Notice: true},
	PasswordRemoved: {Subject: "The password of your %s account was removed", Template: "password_removed", Notice: true},
	Guessing:        {Subject: "Failed sign-in attempts on your account at %s", Template: "guessing", Notice: true},
}

// Lifetimes holds the lifetimes of links, counted from the lease of their mail, in whole seconds.
type Lifetimes struct {
	Verification time.Duration
	Reset        time.Duration
}

func verificationLife(lives Lifetimes) time.Duration { return lives.Verification }

func resetLife(lives Lifetimes) time.Duration { return lives.Reset }

// Purposes returns all purposes, sorted by value.
func Purposes() []Purpose { return slices.Sorted(maps.Keys(definitions)) }

// Definition returns the definition of a purpose, and false for a purpose that does not exist.
func (p Purpose) Definition() (Definition, bool) {
	definition, found := definitions[p]
	return definition, found
}

// definition returns the definition of a purpose. A purpose that does not exist has no link, and is limited.
func (p Purpose) definition() Definition { return definitions[p] }

// life returns the lifetime of the link, and zero for a mail without a link.
func (d Definition) life(lives Lifetimes) time.Duration {
	if !d.HasLink() {
		return 0
	}
	return d.Life(lives)
}
