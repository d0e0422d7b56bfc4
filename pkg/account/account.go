// Package account defines an account, the names that identify it, and the errors that every way to sign in shares.
//
// It makes no decision that needs a store. The other packages of rules decide what happens to an account, and all of them
// depend on this one. Each package below imports only packages above it:
//
//	account                     what an account is
//	session, outbox             sessions; the queue of mails
//	guard                       password guessing
//	signin, signup, maillink    the ways into an account
//
// Below account are only packages without rules: clock, fault, id, identifier, random, reqlog and secret.
package account

import (
	"time"

	"latchkey/pkg/id"
	"latchkey/pkg/identifier"
	"latchkey/pkg/secret"
)

// MaxNameLength is the maximum length of a first or last name, in code points.
const MaxNameLength = 150

// User is an account.
type User struct {
	ID       id.ID
	Username identifier.Username
	Email    identifier.Address

	FirstName string
	LastName  string

	// PasswordHash is the password's hash as a PHC string. It is empty for an account that signs in only through a provider.
	PasswordHash secret.String

	// Epoch rises when everything that the account has issued must end at once: at a password reset, a password change, a
	// logout from all devices, or when the account is disabled. A session, mailed link or device cookie is valid only while
	// it carries the same epoch.
	Epoch uint64

	// Revision rises with every change that touches several items of the account.
	Revision uint64

	// SessionsLeft estimates how many sessions may start before the oldest must end. Logins maintain it.
	SessionsLeft int

	// Forgiven is the number of password attempts in this epoch that a correct password has forgiven, of those by
	// unknown callers. See package guard.
	Forgiven int

	Active        bool // false for a disabled account, whose credentials are all refused
	Staff         bool
	Superuser     bool
	Membership    bool
	Pending       bool // registered without confirming the address; no password works until the address is verified
	EmailVerified bool // a mailed link or a provider has confirmed the address
	Proven        bool // the holder of the password has proved control of the mailbox

	OAuthProvider string // the first provider that signed in to the account; empty if none did

	Joined    time.Time
	LastLogin time.Time // zero if there was none
}
