package mail

import (
	"strings"
	"unicode"

	"latchkey/pkg/identifier"
)

// maxName is the maximum number of code points of a name in a mail. Usernames can have 150, which would be enough for an
// advertisement to another person's mailbox at our expense.
const maxName = 64

// hairSpace separates a link mark from the next character. It is so narrow that the name stays readable. It is white space, so
// programs that detect links stop there, and no URL parser accepts it in a host. A zero-width character would be removed, and
// the link would work.
const hairSpace = '\u200a'

// linkMarks are the characters by which mail programs detect links in text, and the characters that browsers read as a dot
// (UTS #46 §4, WHATWG URL, "domain to ASCII").
const linkMarks = ".:/\\@．。｡․"

// displayName returns a username in quotation marks for a mail. No part of it can start a line, end the quotation, become a link
// or be invisible.
func displayName(username string) string {
	var b strings.Builder
	b.WriteRune('“')
	count := 0
	for _, r := range username {
		if count++; count > maxName {
			b.WriteRune('…')
			break
		}
		writeVisible(&b, r)
	}
	b.WriteRune('”')
	return b.String()
}

func writeVisible(b *strings.Builder, r rune) {
	switch {
	case strings.ContainsRune(linkMarks, r):
		b.WriteRune(r)
		b.WriteRune(hairSpace)
	case strings.ContainsRune("\"“”„‟", r):
		b.WriteRune('\'')
	case unicode.Is(unicode.Zs, r):
		b.WriteRune(' ')
	case identifier.IsInvisible(r):
		b.WriteRune(unicode.ReplacementChar)
	default:
		b.WriteRune(r)
	}
}
