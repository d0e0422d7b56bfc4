package lambdahost

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

var (
	// ErrUnknownFunction is returned for a name that the template gives no function.
	ErrUnknownFunction = errors.New("the template has no such function")
	// ErrClosed is returned for an invocation that the closing host cut short or no longer took.
	ErrClosed = errors.New("the host is closed")
)

// FunctionError says that a function gave no answer. Type and Payload are what a caller of Lambda's Invoke would see:
// the function's own error, or one of the platform's such as Sandbox.Timedout.
type FunctionError struct {
	Type    string
	Message string
	Payload []byte // JSON with errorType and errorMessage
}

// Error implements error.
func (e *FunctionError) Error() string { return e.Type + ": " + e.Message }

// The platform's own error types, as Lambda reports them.
const (
	typeExit     = "Runtime.ExitError"
	typeTimeout  = "Sandbox.Timedout"
	typeTooLarge = "Function.ResponseSizeTooLarge"
)

// platformError is an error that the platform reports for a function.
func platformError(kind, format string, args ...any) *FunctionError {
	message := fmt.Sprintf(format, args...)
	payload, err := json.Marshal(map[string]string{"errorType": kind, "errorMessage": message})
	if err != nil {
		panic("lambdahost: encoding two strings: " + err.Error())
	}
	return &FunctionError{Type: kind, Message: message, Payload: payload}
}

// reportedError is an error as a function reported it. A report that is no such JSON is passed on as it is.
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

// executable says what is wrong with a function's binary, if anything.
func executable(binary string) error {
	info, err := os.Stat(binary)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("there is no binary %s; build the functions first", binary)
	case err != nil:
		return fmt.Errorf("looking at its binary: %w", err)
	case !info.Mode().IsRegular() || info.Mode().Perm()&0o111 == 0:
		return fmt.Errorf("%s is no executable file", binary)
	}
	return nil
}
