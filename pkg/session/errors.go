package session

import (
	"errors"

	"latchkey/pkg/fault"
)

// ErrAuthenticationRequired is the single response to credentials that are missing or not valid.
var ErrAuthenticationRequired = &fault.Fault{
	Kind: fault.Unauthenticated, Code: "authentication_required", Detail: "Authentication required",
}

// ErrInvalidRefreshToken is the single response to a refresh token that cannot be used, for any reason.
var ErrInvalidRefreshToken = &fault.Fault{Kind: fault.Refused, Code: "invalid_refresh_token", Detail: "Invalid refresh token"}

// errEnded is the cause when credentials verify but their session is not live.
var errEnded = errors.New("the session has ended")

// StaleError reports that a session has changed since it was read. Current is the session as it is now, and zero if it no
// longer exists.
type StaleError struct{ Current Session }

func (*StaleError) Error() string { return "the session has changed since it was read" }
