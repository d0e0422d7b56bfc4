// Package fault defines the errors that reach a client. Packages below the rules have error types of their own, which a
// rule attaches as the cause.
//
// A fault has a kind, from which the HTTP edge derives the status; a code for client programs, which is part of the
// contract and never renamed; a detail for people; and a cause for the log, which never reaches a client. Causes that an
// attacker would like to distinguish share one code. The zero kind is [Internal], so an error without a classification
// becomes a 500 with a fixed text.
package fault

import (
	"errors"
	"time"
)

// Kind determines the HTTP status. A linter checks that every switch over it has all cases.
type Kind int

// The kinds, with the status of the response.
const (
	Internal         Kind = iota // 500: an unexpected error
	Invalid                      // 400: the request fails validation
	Unauthenticated              // 401: a required credential is missing or invalid
	Refused                      // 403: the request is valid and refused
	NotFound                     // 404: the resource does not exist
	MethodNotAllowed             // 405: the path exists, but not with this method
	TooLarge                     // 413: the body exceeds the limit
	UnsupportedMedia             // 415: the body has another content type
	Limited                      // 429: too many requests
	Upstream                     // 502: a provider failed
	Unavailable                  // 503: a dependency is down or throttled
)

// Field is the fault of one request field: its name, and a message that says how to correct the value.
type Field struct {
	Key     string `json:"key"`
	Message string `json:"message"`
}

// Fault is an error with all the data that the HTTP edge needs for the response.
type Fault struct {
	Kind   Kind
	Code   string  // snake_case, listed in the OpenAPI file
	Detail string  // for people; a fixed text of the contract
	Fields []Field // the fields to correct, with the kind Invalid

	// RetryAfter is the time to wait before another request, with the kinds Limited and Unavailable.
	RetryAfter time.Duration

	// Allow lists the methods of the path, with the kind MethodNotAllowed.
	Allow []string

	cause error
}

// Error returns the code and, if there is one, the cause. The text is for the log.
func (f *Fault) Error() string {
	if f.cause == nil {
		return f.Code
	}
	return f.Code + ": " + f.cause.Error()
}

// Unwrap returns the cause.
func (f *Fault) Unwrap() error { return f.cause }

// Is reports whether target is a fault with the same code. The causes may differ.
func (f *Fault) Is(target error) bool {
	other, ok := target.(*Fault)
	return ok && other.Code == f.Code
}

// Because returns a copy of f with a cause for the log.
func (f *Fault) Because(cause error) *Fault {
	withCause := *f
	withCause.cause = cause
	return &withCause
}

// From returns the fault in err's chain. Without one, it returns a fault of kind [Internal] with err as its cause. From(nil)
// is nil.
func From(err error) *Fault {
	if err == nil {
		return nil
	}
	if known, ok := errors.AsType[*Fault](err); ok {
		return known
	}
	return internal.Because(err)
}

var internal = &Fault{Kind: Internal, Code: "internal_error", Detail: "Internal Server Error"}

// Validation returns the fault of a request whose fields are invalid. The HTTP edge adds the route to the detail.
func Validation(fields ...Field) *Fault {
	return &Fault{Kind: Invalid, Code: "validation_failed", Detail: "Validation failed", Fields: fields}
}

// ServiceUnavailable is the fault of a dependency that is down or throttled. A credential that could not be checked for that
// reason is 503 and never 401.
var ServiceUnavailable = &Fault{Kind: Unavailable, Code: "service_unavailable", Detail: "Service Unavailable", RetryAfter: time.Second}

// TooManyRequests returns the fault of a caller that must wait, for at least one second.
func TooManyRequests(wait time.Duration) *Fault {
	return &Fault{Kind: Limited, Code: "too_many_requests", Detail: "Too many requests", RetryAfter: max(wait, time.Second)}
}
