package password

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"latchkey/pkg/secret"
)

// MaxBytes is the maximum length of a password, in bytes of UTF-8. It bounds the work of the checks.
const MaxBytes = 256

// shortName is the length from which a password may not contain a name. Shorter names occur in good passphrases by chance.
const shortName = 5

// Policy holds the requirements on new passwords: a minimum length, and rules against passwords that are easy to guess. It
// has no composition rules (NIST SP 800-63B-4 §3.1.1.2, ASVS 5.0 V6.2). It never applies to a password at login.
type Policy struct {
	MinLength int // in code points; at least 8 outside of tests
}

// Problem is the reason why a password is refused. Its message is for people and continues a sentence that begins with the
// name of the field ("must have at least 8 characters"). It repeats no part of the password, so it may be shown and logged.
type Problem struct{ Message string }

// Error implements error.
func (p *Problem) Error() string { return p.Message }

// Check checks pw as the new password of an account with that username and address, both as typed. It returns nil, or a
// [*Problem] with the first violated rule. Comparisons ignore case.
func (p Policy) Check(pw secret.String, username, address string) error {
	typed := pw.Reveal()
	folded := foldCase(typed)
	switch {
	case utf8.RuneCountInString(typed) < p.MinLength:
		return &Problem{fmt.Sprintf("must have at least %d characters", p.MinLength)}
	case len(typed) > MaxBytes:
		return &Problem{fmt.Sprintf("must have at most %d bytes", MaxBytes)}
	case repeats(folded, address):
		return &Problem{"must not contain the e-mail address"}
	case repeats(folded, username):
		return &Problem{"must not contain the username"}
	case isCommon(folded):
		return &Problem{"is one of the most common passwords"}
	}
	return nil
}

// repeats reports whether a folded password equals name, or contains it if name is not short.
func repeats(folded, name string) bool {
	name = foldCase(name)
	return folded == name || utf8.RuneCountInString(name) >= shortName && strings.Contains(folded, name)
}

// foldCase removes the difference between texts that differ only in case. Converting to upper case first unites σ and ς,
// which lower case alone does not.
func foldCase(text string) string { return strings.ToLower(strings.ToUpper(text)) }
