package guard

import (
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
)

// Attempt is one attempt to sign in with a password.
type Attempt struct {
	Name     string // a username or an address, as typed
	Password secret.String
	Device   secret.String // the value of the device cookie; empty if none was sent

	// Principals are the users of the live sessions that the request presents. They only determine the counter.
	Principals []session.Principal
}
