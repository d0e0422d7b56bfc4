// Package identifier reads usernames and e-mail addresses, the names by which accounts are found, and derives the canonical
// form of each.
//
// Two texts name the same account exactly if their canonical forms are equal. Uniqueness is decided by that form, and login
// finds accounts by it. The form as typed is only displayed. A canonical username never contains an '@', and a canonical
// address always does, so they cannot be confused.
//
// The package has no access to a store or to mail. A well-formed address may have no reader.
package identifier

// Problem is the reason why a text is refused. Its message is for people and continues a sentence that begins with the name
// of the field ("must not contain @"). It repeats no part of the text, so it may be shown to the caller and logged.
type Problem struct{ Message string }

// Error implements error.
func (p *Problem) Error() string { return p.Message }

const malformedText = "must be valid Unicode text"

// isASCII reports whether text has only 7-bit bytes.
func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] > 0x7f {
			return false
		}
	}
	return true
}
