package identifier

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Limits of a username in code points. The canonical form has its own limit, because normalization can turn one code point
// into eighteen (U+FDFA).
const (
	MinUsername          = 3
	MaxUsername          = 150
	MaxCanonicalUsername = 254
)

// Username is a username that may be registered.
type Username struct {
	Typed     string // as the person typed it, for display
	Canonical string // uniqueness and login use this form
}

// ParseUsername reads a username. The typed form must have from [MinUsername] to [MaxUsername] code points. All other rules
// apply to the canonical form, because normalization can turn a harmless character into a forbidden one (a full-width ＠
// becomes @). Any error is a [*Problem].
func ParseUsername(typed string) (Username, error) {
	if !utf8.ValidString(typed) {
		return Username{}, &Problem{malformedText}
	}
	if length := utf8.RuneCountInString(typed); length < MinUsername || length > MaxUsername {
		return Username{}, &Problem{fmt.Sprintf("must have between %d and %d characters", MinUsername, MaxUsername)}
	}
	canonical := canonicalUsername(typed)
	if message := refuseUsername(canonical); message != "" {
		return Username{}, &Problem{message}
	}
	return Username{Typed: typed, Canonical: canonical}, nil
}

// suffixRoom is the length that a stem leaves for a suffix, in ASCII characters.
const suffixRoom = 9

// UsernameStem derives the beginning of a username from any text. It drops the characters that no username may contain and
// cuts the rest to the length that leaves room for a suffix. The stem may be too short for a username. Followed by 3 to 9
// ASCII characters other than spaces, it is a valid one.
func UsernameStem(text string) string {
	kept := []rune(strings.TrimSpace(strings.Map(func(r rune) rune {
		if message := refuseUsername(canonicalUsername("x" + string(r) + "x")); message != "" {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))))
	kept = kept[:min(len(kept), MaxUsername-suffixRoom)]
	for len(kept) > 0 {
		stem := strings.TrimSpace(string(kept))
		if refuseUsername(canonicalUsername(stem+strings.Repeat("x", suffixRoom))) == "" && refuseUsername(canonicalUsername(stem)) == "" {
			return stem
		}
		kept = kept[:len(kept)-1]
	}
	return ""
}

// maxSpelling is the maximum length of a spelling of a username in bytes. It bounds the work for a text that grows when it is
// normalized. The longest spellings decompose each of [MaxCanonicalUsername] characters into several.
const maxSpelling = 4096

// CanonicalUsername returns the canonical form of a text, whether or not the text is a valid username. Login uses it, because
// another spelling of a username can be shorter or longer than a valid one. Text that is not valid Unicode, or longer than any
// spelling of a username, is returned unchanged, and no username equals it.
func CanonicalUsername(typed string) string {
	if len(typed) > maxSpelling || !utf8.ValidString(typed) {
		return typed
	}
	return canonicalUsername(typed)
}

// refuseUsername returns the reason why a canonical username is refused, or "" if it is valid.
func refuseUsername(canonical string) string {
	switch {
	case utf8.RuneCountInString(canonical) > MaxCanonicalUsername:
		return "is too long after Unicode normalization"
	case strings.Contains(canonical, "@"):
		return "must not contain @"
	case strings.ContainsFunc(canonical, IsInvisible):
		return "must not contain control characters, line breaks or invisible characters"
	case strings.TrimSpace(canonical) != canonical:
		return "must not begin or end with a space"
	}
	return ""
}

// IsInvisible reports whether r has no appearance of its own: a control, a line end, an unassigned code point, or a
// format character that reorders or hides others. No username may contain one.
//
// IsGraphic is true for the categories L, M, N, P, S and Zs. The others are C, Zl, Zp and all code points that this version
// of Unicode does not assign. Refusing unassigned code points keeps canonical forms stable: the folding and normalization of
// assigned characters never change in later versions (Unicode stability policies), so an update of the tables cannot give an
// account another name.
//
// Default_Ignorable_Code_Point is derived (UAX #44) from Other_Default_Ignorable_Code_Point, Variation_Selector and
// category Cf with some exceptions. Category Cf is refused completely, so only the two tables remain to be checked.
func IsInvisible(r rune) bool {
	return !unicode.IsGraphic(r) || unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// canonicalUsername decomposes, folds case and composes again. The result is in NFKC, which folded text may not be: ẖ folds to
// h and a combining line.
//
// One round has the same result as repeating it until nothing changes. Folding decomposed text produces text that is folded,
// decomposed and in canonical order, so a second round changes nothing (TestFoldingOnceIsEnough has the three steps).
//
// The result contains U+034F, and is therefore refused, if the text has more than 30 combining marks in a row: norm follows
// the Stream-Safe Text Format (UAX #15) and breaks such a sequence with that character.
func canonicalUsername(typed string) string {
	if isASCII(typed) {
		return strings.ToLower(typed)
	}
	return norm.NFKC.String(foldCase(norm.NFKD.String(typed)))
}

// foldCase applies full case folding (CaseFolding.txt, statuses C and F) to text in NFKD. In decomposed text, ß is the only
// letter that folds to more than one. foldCase replaces x/text/cases.Fold, which swaps the two cases of Cherokee instead of
// folding them, so that one name would have two forms, and adds 250 KB and 0.08 ms to each cold start.
func foldCase(decomposed string) string {
	var folded strings.Builder
	folded.Grow(len(decomposed))
	for _, r := range decomposed {
		switch {
		case r == 'ß' || r == 'ẞ':
			folded.WriteString("ss")
		case r == 'ı': // Turkish dotless i folds to itself, although its upper case is I
			folded.WriteRune(r)
		case unicode.Is(unicode.Cherokee, r): // folds to capitals, because Unicode added the small letters later
			folded.WriteRune(unicode.ToUpper(r))
		default: // the upper case first, which unites σ and ς
			folded.WriteRune(unicode.ToLower(unicode.ToUpper(r)))
		}
	}
	return folded.String()
}
