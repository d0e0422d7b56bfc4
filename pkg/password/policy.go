package password

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"latchkey/pkg/secret"
)

// MaxBytes is the longest password that is taken, in bytes of UTF-8. Hashing would bear more; nobody types it.
const MaxBytes = 256

// shortName is the length from which a name may not be part of a password. Shorter ones turn up in honest passphrases by
// chance.
const shortName = 5

// Policy is what a new password must satisfy: length and not being guessable, with no rules about kinds of characters
// (NIST SP 800-63B-4 §3.1.1.2, ASVS 5.0 V6.2). It holds for new passwords only, never for one that logs in.
type Policy struct {
	MinLength int // in code points; at least 8 outside of tests
}

// Problem is the reason why a password is refused. Its message is for people, goes on from the name of the field ("must
// have at least 8 characters") and repeats nothing of the password, so it may be shown and logged.
type Problem struct{ Message string }

// Error implements error.
func (p *Problem) Error() string { return p.Message }

// Check says whether the holder of username and address may take pw: nil, or a [*Problem] with the first rule broken.
// The names are those as typed. Whatever is compared, is compared without regard to case.
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

// repeats says whether a folded password is name, or contains it where name is not short.
func repeats(folded, name string) bool {
	name = foldCase(name)
	return folded == name || utf8.RuneCountInString(name) >= shortName && strings.Contains(folded, name)
}

// foldCase makes texts that differ in case only the same. By way of the upper case it unites σ and ς, which lower case
// alone does not.
func foldCase(text string) string { return strings.ToLower(strings.ToUpper(text)) }
