// Package account defines an account, its names and the refusals that every way to sign in shares.
//
// It is the lowest package of the rules: the others decide what may happen to an account.
package account

import (
	"time"

	"latchkey/pkg/id"
	"latchkey/pkg/identifier"
	"latchkey/pkg/secret"
)

// User is an account.
type User struct {
	ID       id.ID
	Username identifier.Username
	Email    identifier.Address

	FirstName string
	LastName  string

	// PasswordHash is the PHC string of the password; empty for an account that signs in by OAuth only.
	PasswordHash secret.String

	// Epoch is the number of times that everything the account had open was ended at once (reset, password change,
	// disable, logout from everywhere). A session or one-time token counts only while it carries the same epoch.
	Epoch uint64

	// Revision rises with every change that touches several items of the account.
	Revision uint64

	// Room is how many more sessions may start before the oldest has to give way. A hint, kept by logins.
	SessionsLeft int

	Active        bool // false: disabled, nothing of it is accepted
	Staff         bool
	Superuser     bool
	Membership    bool
	Pending       bool // made without telling whether its address is known, and not verified yet: no password opens it
	EmailVerified bool // the address was verified by a mailed link or by a provider
	Proven        bool // the holder of the password proved to own the mailbox

	OAuthProvider string // the first provider that its holder signed in by; empty for none

	Joined    time.Time
	LastLogin time.Time // zero: never
}

// StaleUserError says that an account has changed since it was read.
type StaleUserError struct{ Current User }

func (*StaleUserError) Error() string { return "the account has changed since it was read" }

// MaxNameLength is the most code points a first or last name has.
const MaxNameLength = 150
