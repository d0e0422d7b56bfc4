package mail

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/smithy-go"
)

// classify gives an error of the SDK its meaning: [ErrRejected], or a passing one. SES names addresses in its messages, and a log
// holds none, so an answer of SES is told by its code and by its message without them. What is no answer (a broken
// connection, a deadline) stays in the chain, for errors.Is.
func classify(doing string, err error) error {
	var answer smithy.APIError
	if !errors.As(err, &answer) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	code, message := answer.ErrorCode(), answer.ErrorMessage()
	if isPermanent(code, strings.ToLower(message)) {
		return fmt.Errorf("%s: %w: SES answers %s: %s", doing, ErrRejected, code, withoutAddresses(message))
	}
	return fmt.Errorf("%s: SES answers %s: %s", doing, code, withoutAddresses(message))
}

// isPermanent tells what no operator and no time can mend. SES says MessageRejected of what is wrong with the message, but of an
// account on hold and a sender without verification too; and InvalidParameterValue of every parameter, which concerns the
// mail only if it is the recipient's address, since the sender's was read by [NewSender].
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
