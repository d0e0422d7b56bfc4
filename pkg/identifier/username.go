package identifier

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Bounds of a username in code points. The canonical form has a bound of its own since normalisation can make one code
// point eighteen (U+FDFA).
const (
	MinUsername          = 3
	MaxUsername          = 150
	MaxCanonicalUsername = 254
)

// Username is a username that may be registered.
type Username struct {
	Typed     string // as the person wrote it, for display
	Canonical string // what uniqueness and login go by
}

// ParseUsername reads a username. The length as typed counts from [MinUsername] to [MaxUsername] code points; every other
// rule holds for the canonical form, since a character that is harmless as typed may become one that is not (a
// full-width ＠ becomes @). Any error is a [*Problem].
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

// suffixRoom is what a stem leaves for a suffix, in ASCII.
const suffixRoom = 9

// UsernameStem makes the beginning of a username of any text: what no username may contain is dropped, and the end that is too
// long. The stem may be too short for a username; with 3 to 9 characters of ASCII that are no space behind it, it is one.
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

// CanonicalUsername returns the canonical form that a text would have as a username, whether or not it may be registered:
// login goes by it, since another spelling of a username can be shorter or longer than one may be registered. Text that is
// no Unicode is returned as it is; no username has it.
func CanonicalUsername(typed string) string {
	if !utf8.ValidString(typed) {
		return typed
	}
	return canonicalUsername(typed)
}

// refuseUsername says what is wrong with a canonical username, or nothing.
func refuseUsername(canonical string) string {
	switch {
	case utf8.RuneCountInString(canonical) > MaxCanonicalUsername:
		return "is too long once its characters are written out"
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
// IsGraphic is true for the categories L, M, N, P, S and Zs: what it leaves out is C, Zl, Zp and every code point that
// this version of Unicode does not assign. Refusing the unassigned ones is what keeps canonical forms stable: folding and
// normalisation of assigned characters never change in later versions (Unicode stability policies), so an update of the
// tables cannot move an account to another name.
//
// Default_Ignorable_Code_Point is derived (UAX #44) from Other_Default_Ignorable_Code_Point, Variation_Selector and
// category Cf less some exceptions; Cf is refused whole, so the two tables are all that is left to ask.
func IsInvisible(r rune) bool {
	return !unicode.IsGraphic(r) || unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// canonicalUsername decomposes, folds case and composes again, and so ends in NFKC: a text that is only folded can be
// unnormalised, as ẖ folds to h and a combining line.
//
// Once is as good as repeating it until nothing changes. Folding what is decomposed gives what is folded, decomposed and
// in canonical order already, so that a second round finds the same text (TestFoldingOnceIsEnough has the three steps).
//
// More than 30 combining marks in a row are refused in the end: norm keeps to the Stream-Safe Text Format (UAX #15) and
// breaks such a run with U+034F, which is default-ignorable.
func canonicalUsername(typed string) string {
	if isASCII(typed) {
		return strings.ToLower(typed)
	}
	return norm.NFKC.String(foldCase(norm.NFKD.String(typed)))
}

// foldCase is full case folding (CaseFolding.txt, statuses C and F) of text in NFKD. On decomposed text ß is the only
// letter that folds to more than one. It stands in for x/text/cases.Fold, which exchanges the two cases of Cherokee
// instead of folding them, so that one name would have two forms, and which adds 250 KB and 0.08 ms to every cold start.
func foldCase(decomposed string) string {
	var folded strings.Builder
	folded.Grow(len(decomposed))
	for _, r := range decomposed {
		switch {
		case r == 'ß' || r == 'ẞ':
			folded.WriteString("ss")
		case r == 'ı': // the dotless i of Turkish is no case of i, though its upper case is I
			folded.WriteRune(r)
		case unicode.Is(unicode.Cherokee, r): // its small letters came later, so it folds to the capitals
			folded.WriteRune(unicode.ToUpper(r))
		default: // by way of the upper case, which unites σ and ς
			folded.WriteRune(unicode.ToLower(unicode.ToUpper(r)))
		}
	}
	return folded.String()
}
