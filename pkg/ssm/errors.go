package ssm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"

	"latchkey/pkg/fault"
)

// ErrNotFound is the error for a parameter that does not exist.
var ErrNotFound = errors.New("the parameter does not exist")

// errUnreadable is the error for a response in another form than that of the service.
var errUnreadable = errors.New("the response cannot be decoded")

// The codes that callers distinguish.
const (
	codeNotFound = "ParameterNotFound"
	codeExists   = "ParameterAlreadyExists"
	codeInvalid  = "ValidationException" // its message quotes the invalid value
)

// apiError is an error response of the service. Its message names callers and parameters, and never contains a value.
type apiError struct {
	status  int
	code    string
	message string
}

func (e *apiError) Error() string {
	return fmt.Sprintf("%s (status %d): %s", e.code, e.status, e.message)
}

// Is makes a missing parameter match ErrNotFound in errors.Is.
func (e *apiError) Is(target error) bool { return target == ErrNotFound && e.code == codeNotFound }

// connectionError is the error if no response was read, because the connection was refused, reset or interrupted.
type connectionError struct{ cause error }

func (e *connectionError) Error() string { return e.cause.Error() }

func (e *connectionError) Unwrap() error { return e.cause }

// refusal parses an error response in the JSON protocols of AWS. The type may be qualified, and the message may be in either or
// both of two members.
func refusal(status int, data []byte) error {
	var document struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
		Other   string `json:"Message"`
	}
	if json.Unmarshal(data, &document) != nil {
		return &apiError{status: status, code: "UnknownError"}
	}
	code := document.Type[strings.LastIndexByte(document.Type, '#')+1:]
	message := cmp.Or(document.Message, document.Other)
	if code == codeInvalid {
		message = "the request is invalid"
	}
	return &apiError{status: status, code: code, message: message}
}

func transient(err error) bool {
	if refused, ok := errors.AsType[*apiError](err); ok {
		return refused.status >= http.StatusInternalServerError || refused.status == http.StatusTooManyRequests ||
			strings.HasPrefix(refused.code, "Throttling") || refused.code == "TooManyUpdates"
	}
	_, lost := errors.AsType[*connectionError](err)
	return lost
}

// classify returns [fault.ServiceUnavailable] if the service is down, slow or throttled. Other errors, such as a missing
// permission, are faults of this deployment and stay internal.
func classify(err error) error {
	if transient(err) || errors.Is(err, context.DeadlineExceeded) {
		return fault.ServiceUnavailable.Because(err)
	}
	return err
}

func hasCode(err error, code string) bool {
	refused, ok := errors.AsType[*apiError](err)
	return ok && refused.code == code
}
