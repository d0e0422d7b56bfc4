// Package fault defines the errors that reach a client. Packages below the rules have error types of their own, which a
// rule attaches as the cause.
//
// A fault has a kind for the HTTP edge (which status), a code for client programs (contract, never renamed),
// a detail for people, and a cause for the log, which never reaches a client. Causes that an attacker would like to
// tell apart share one code. The zero kind is [Internal]: an error that nobody classified is a 500 with a fixed text.
package fault

import (
	"errors"
	"time"
)

// Kind decides the HTTP status at the edge. The linter holds every switch over it complete.
type Kind int

// The kinds, with the status the edge answers.
const (
	Internal         Kind = iota // 500: anything unforeseen
	Invalid                      // 400: the request does not fit
	Unauthenticated              // 401: no or bad credential where one is needed
	Refused                      // 403: understood, and the answer is no
	NotFound                     // 404: no such thing
	MethodNotAllowed             // 405: the path is there, the method is not
	TooLarge                     // 413: body over the cap
	UnsupportedMedia             // 415: body of another content type
	Limited                      // 429: too many requests
	Upstream                     // 502: a provider failed
	Unavailable                  // 503: a dependency is down or throttled
)

// Field is one field fault: where, and what a person should change.
type Field struct {
	Key     string `json:"key"`
	Message string `json:"message"`
}

// Fault is an error with what the edge needs to answer it.
type Fault struct {
	Kind   Kind
	Code   string  // snake_case, listed in the OpenAPI file
	Detail string  // for people; a fixed text of the contract
	Fields []Field // what to mend, with Kind Invalid

	// RetryAfter is when a further try makes sense, with the kinds Limited and Unavailable.
	RetryAfter time.Duration

	// Allow lists the methods a path has, with the kind MethodNotAllowed.
	Allow []string

	cause error
}

// Error describes the fault for the log: code first, then the cause.
func (f *Fault) Error() string {
	if f.cause == nil {
		return f.Code
	}
	return f.Code + ": " + f.cause.Error()
}

// Unwrap gives the cause.
func (f *Fault) Unwrap() error { return f.cause }

// Is makes errors.Is(err, fault) compare by code, whatever the cause.
func (f *Fault) Is(target error) bool {
	other, ok := target.(*Fault)
	return ok && other.Code == f.Code
}

// Because returns a copy of f that carries cause for the log.
func (f *Fault) Because(cause error) *Fault {
	caused := *f
	caused.cause = cause
	return &caused
}

// From returns the fault in err's chain, or an [Internal] one with err as its cause. From(nil) is nil.
func From(err error) *Fault {
	if err == nil {
		return nil
	}
	if known, ok := errors.AsType[*Fault](err); ok {
		return known
	}
	return unforeseen.Because(err)
}

var unforeseen = &Fault{Kind: Internal, Code: "internal_error", Detail: "Internal Server Error"}

// Validation is the fault of a request whose fields do not fit. The edge completes the detail with the route.
func Validation(fields ...Field) *Fault {
	return &Fault{Kind: Invalid, Code: "validation_failed", Detail: "Validation failed", Fields: fields}
}

// ServiceUnavailable says that a dependency is down or throttled: 503, never 401.
var ServiceUnavailable = &Fault{Kind: Unavailable, Code: "service_unavailable", Detail: "Service Unavailable", RetryAfter: time.Second}

// TooManyRequests says that the caller has to wait for so long, at least a moment.
func TooManyRequests(wait time.Duration) *Fault {
	return &Fault{Kind: Limited, Code: "too_many_requests", Detail: "Too many requests", RetryAfter: max(wait, time.Second)}
}
