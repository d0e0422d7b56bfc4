package mail

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/smithy-go"
)

// classify reports whether an error of the SDK is permanent, in which case the result wraps [ErrRejected]. SES puts addresses
// into its messages, and a log must not contain them, so the result has only the code and the message without addresses. Errors
// without a response (a broken connection, a deadline) stay in the chain for errors.Is.
func classify(doing string, err error) error {
	var apiErr smithy.APIError
	if !errors.As(err, &apiErr) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	code, message := apiErr.ErrorCode(), apiErr.ErrorMessage()
	if isPermanent(code, strings.ToLower(message)) {
		return fmt.Errorf("%s: %w: SES returned %s: %s", doing, ErrRejected, code, withoutAddresses(message))
	}
	return fmt.Errorf("%s: SES returned %s: %s", doing, code, withoutAddresses(message))
}

// isPermanent reports whether neither time nor an operator can make the call succeed. SES returns MessageRejected for a faulty
// message, but also for a suspended account and an unverified sender. It returns InvalidParameterValue for any parameter. That
// is permanent only for the address of the recipient, because [NewClient] has checked the address of the sender.
func isPermanent(code, message string) bool {
	mentions := func(words ...string) bool {
		return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(message, word) })
	}
	switch code {
	case "MessageRejected":
		return !mentions("not verified", "paused", "suspended", "disabled", "quota", "rate exceeded")
	case "InvalidParameterValue":
		return mentions("address", "domain", "local name", "user name") && !mentions("configuration set")
	default:
		return false
	}
}

func withoutAddresses(message string) string {
	words := strings.Fields(message)
	for i, word := range words {
		if strings.Contains(word, "@") {
			words[i] = "[address]"
		}
	}
	return strings.Join(words, " ")
}
