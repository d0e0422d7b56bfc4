package mail

import (
	"strings"
	"unicode"

	"latchkey/pkg/identifier"
)

// maxName is how many code points of a name a mail shows. A name can have 150, which is room enough for an advertisement
// sent to somebody else's mailbox at our expense.
const maxName = 64

// hairSpace is so narrow that a name still reads as itself, and it is white space: programs that turn text into links stop
// at it, and no URL parser lets it pass in a host (a zero-width character would be dropped there, and the link lead on).
const hairSpace = '\u200a'

// linkMarks are the characters by which mail programs find links in text, with those that browsers read as a dot
// (UTS #46 §4, WHATWG URL, "domain to ASCII").
const linkMarks = ".:/\\@．。｡․"

// displayName is a username as a mail may show it, in quotation marks: nothing in it starts a line, ends the quotation, turns
// into a link or hides.
func displayName(username string) string {
	var b strings.Builder
	b.WriteRune('“')
	shown := 0
	for _, r := range username {
		if shown++; shown > maxName {
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
