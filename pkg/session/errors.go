package session

import "latchkey/pkg/fault"

// StaleError says that a session does not stand where a move expected it. Current is the session as it stands,
// the zero value if it is gone.
type StaleError struct{ Current Session }

// ErrAuthenticationRequired is the one response to credentials that are missing or do not count.
var ErrAuthenticationRequired = &fault.Fault{
	Kind: fault.Unauthenticated, Code: "authentication_required", Detail: "Authentication required",
}
