package account

import (
	"errors"

	"latchkey/pkg/fault"
)

// The refusals that clients see. Causes that a client must not be able to tell apart share one value.
var (
	ErrInvalidCredentials = &fault.Fault{Kind: fault.Refused, Code: "invalid_credentials", Detail: "Invalid credentials"}
	ErrAccountInactive    = &fault.Fault{Kind: fault.Refused, Code: "account_inactive", Detail: "Account is inactive"}
	ErrUsernameTaken      = &fault.Fault{Kind: fault.Refused, Code: "username_taken", Detail: "Username already exists"}
	ErrEmailTaken         = &fault.Fault{Kind: fault.Refused, Code: "email_taken", Detail: "Email already registered"}
)

// ErrNotFound is the error of a store for an item that does not exist. It never reaches a client.
var ErrNotFound = errors.New("not found")

// StaleUserError reports that an account has changed since it was read. Current is the account as it is now.
type StaleUserError struct{ Current User }

func (*StaleUserError) Error() string { return "the account has changed since it was read" }
