package account

import (
	"errors"

	"latchkey/pkg/fault"
)

// What a client can be told. Causes that must not be told apart share one value.
var (
	ErrInvalidCredentials = &fault.Fault{Kind: fault.Refused, Code: "invalid_credentials", Detail: "Invalid credentials"}
	ErrAccountInactive    = &fault.Fault{Kind: fault.Refused, Code: "account_inactive", Detail: "Account is inactive"}
	ErrUsernameTaken      = &fault.Fault{Kind: fault.Refused, Code: "username_taken", Detail: "Username already exists"}
	ErrEmailTaken         = &fault.Fault{Kind: fault.Refused, Code: "email_taken", Detail: "Email already registered"}
)

// ErrNotFound is what a store returns for an item that is not there. It never reaches a client.
var ErrNotFound = errors.New("not found")
