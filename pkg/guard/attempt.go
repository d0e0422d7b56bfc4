package guard

import (
	"latchkey/pkg/account"
	"latchkey/pkg/id"
	"latchkey/pkg/limit"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
)

// Attempt is one attempt to sign in with a password.
type Attempt struct {
	Name     string // a username or an address, as typed
	Password secret.String
	Source   string        // the source that the request counts for
	Device   secret.String // the value of the device cookie; empty if none was sent

	// Principals are the users of the live sessions that the request presents. They only determine the counts.
	Principals []session.Principal
}

// Admission is an attempt that may cause a hash.
type Admission struct {
	User     account.User   // the account with the login name; zero if there is none
	Standing limit.Standing // of the count that is closest to a refusal

	account  id.ID        // of User, or in its place
	failures limit.Bucket // the failures of the source; without a limit for a known device or session
	own      Familiar     // the caller's device or session, if the account knows it, with all its attempts forgiven

	// The counter that decided about the attempt, with its state, and the part of it since a correct password.
	counter  Counter
	count    Count
	attempts int
	streak   Streak
}

// ForgivenIn returns the account's Forgiven after a correct password. It changes only if the attempt counted at the counter of the
// account's present epoch that unknown callers share.
func (a Admission) ForgivenIn(user account.User) int {
	if a.counter.Device.IsZero() && a.counter.Epoch == user.Epoch {
		return a.count.Attempts
	}
	return user.Forgiven
}

// Familiar is a device or a session that belongs to an account.
type Familiar struct {
	User     id.ID
	Epoch    uint64
	Device   id.ID // of the device or the session
	Forgiven int   // the attempts at its counter that a correct password has forgiven
}

// belongsTo reports whether the device or session belongs to the account in its current epoch.
func (f Familiar) belongsTo(user account.User) bool {
	return !user.ID.IsZero() && f.User == user.ID && f.Epoch == user.Epoch
}
