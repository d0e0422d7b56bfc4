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

// ErrNotFound says that there is no parameter of that name.
var ErrNotFound = errors.New("there is no such parameter")

// errUnreadable is an answer that is not what the service sends.
var errUnreadable = errors.New("the answer cannot be read")

// The codes that are told apart.
const (
	codeNotFound = "ParameterNotFound"
	codeExists   = "ParameterAlreadyExists"
	codeInvalid  = "ValidationException" // its message quotes what did not fit
)

// apiError is the service's refusal. Its message names callers and parameters; one that could quote a value is left out.
type apiError struct {
	status  int
	code    string
	message string
}

func (e *apiError) Error() string {
	return fmt.Sprintf("%s (status %d): %s", e.code, e.status, e.message)
}

// Is makes errors.Is(err, ErrNotFound) hold.
func (e *apiError) Is(target error) bool { return target == ErrNotFound && e.code == codeNotFound }

// unanswered says that no answer could be read: the connection was refused, reset or broken off.
type unanswered struct{ cause error }

func (e *unanswered) Error() string { return e.cause.Error() }

func (e *unanswered) Unwrap() error { return e.cause }

// refusal reads an error as JSON protocols of AWS write it: the type may be qualified, and the message stands in either case, or
// in both.
func refusal(status int, answer []byte) error {
	var told struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
		Other   string `json:"Message"`
	}
	if json.Unmarshal(answer, &told) != nil {
		return &apiError{status: status, code: "UnknownError"}
	}
	code := told.Type[strings.LastIndexByte(told.Type, '#')+1:]
	told.Message = cmp.Or(told.Message, told.Other)
	if code == codeInvalid {
		told.Message = "the request does not fit"
	}
	return &apiError{status: status, code: code, message: told.Message}
}

func transient(err error) bool {
	if refused, ok := errors.AsType[*apiError](err); ok {
		return refused.status >= http.StatusInternalServerError || refused.status == http.StatusTooManyRequests ||
			strings.HasPrefix(refused.code, "Throttling") || refused.code == "TooManyUpdates"
	}
	_, lost := errors.AsType[*unanswered](err)
	return lost
}

// classify makes a service that is down, slow or throttled a [fault.ServiceUnavailable]; anything else, such as a lacking
// permission, is a fault of ours and stays internal.
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
