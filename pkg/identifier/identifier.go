// Package identifier reads the names that an account is found by, usernames and e-mail addresses, and gives each its
// canonical form.
//
// Two texts name the same account exactly when their canonical forms are equal, so uniqueness is decided on that form
// and login looks accounts up by it. The form as typed is kept beside it, for display only. A canonical username has no
// '@' and a canonical address always has one: neither can be taken for the other.
//
// The package knows no store and no mail: that an address is well formed does not mean that anybody reads it.
package identifier

// Problem is the reason why a text is refused. Its message is for people, goes on from the name of the field ("must not
// contain @") and repeats nothing of what was typed, so it may be shown to the caller and logged.
type Problem struct{ Message string }

// Error implements error.
func (p *Problem) Error() string { return p.Message }

const malformedText = "must be valid Unicode text"

// isASCII says whether text has 7-bit bytes only.
func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] > 0x7f {
			return false
		}
	}
	return true
}
