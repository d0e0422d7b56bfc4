package lambdahost

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

var (
	// ErrUnknownFunction means that the template has no function of that name.
	ErrUnknownFunction = errors.New("the template has no such function")
	// ErrClosed means that the host was closed before or during the invocation.
	ErrClosed = errors.New("the host is closed")
)

// FunctionError means that a function failed. Type and Payload are those that a caller of Lambda's Invoke would get: the
// function's own error, or one of the platform such as Sandbox.Timedout.
type FunctionError struct {
	Type    string
	Message string
	Payload []byte // JSON with errorType and errorMessage
}

// Error implements error.
func (e *FunctionError) Error() string { return e.Type + ": " + e.Message }

// Error types of the platform, as in Lambda.
const (
	typeExit     = "Runtime.ExitError"
	typeTimeout  = "Sandbox.Timedout"
	typeTooLarge = "Function.ResponseSizeTooLarge"
)

// platformError returns an error that the platform reports for a function.
func platformError(kind, format string, args ...any) *FunctionError {
	message := fmt.Sprintf(format, args...)
	payload, err := json.Marshal(map[string]string{"errorType": kind, "errorMessage": message})
	if err != nil {
		panic("lambdahost: encoding an error: " + err.Error()) // cannot happen for strings
	}
	return &FunctionError{Type: kind, Message: message, Payload: payload}
}

// reportedError returns the error that a function reported. Its payload is the report unchanged, even if that is malformed.
func reportedError(payload []byte) *FunctionError {
	var report struct {
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	}
	if err := json.Unmarshal(payload, &report); err != nil || report.Type == "" {
		report.Type = "Unhandled"
	}
	return &FunctionError{Type: report.Type, Message: report.Message, Payload: payload}
}

// checkExecutable returns an error unless binary is an executable file.
func checkExecutable(binary string) error {
	info, err := os.Stat(binary)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("the binary %s does not exist: build the functions first", binary)
	case err != nil:
		return fmt.Errorf("checking its binary: %w", err)
	case !info.Mode().IsRegular() || info.Mode().Perm()&0o111 == 0:
		return fmt.Errorf("%s is not an executable file", binary)
	}
	return nil
}
