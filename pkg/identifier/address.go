package identifier

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// Bounds of an address (RFC 5321 §4.5.3.1, RFC 1035 §2.3.4), in octets of the ASCII form. [MaxAddress] bounds the code
// points of the typed form too; it is the 256 octets of a path less its two angle brackets, and leaves a domain less
// than the 253 that DNS allows.
const (
	MaxAddress   = 254
	maxLocalPart = 64
	maxLabel     = 63
)

// Address is an e-mail address that may be registered.
type Address struct {
	Typed     string // as the person wrote it
	Canonical string // ASCII, lower case: what uniqueness, login and limits go by
}

// ParseAddress reads an addr-spec (RFC 5322 §3.4.1) with a dot-atom before the '@' and a host name behind it: no
// display name, comment, quoted local part, address literal or white space. The local part is ASCII because SES sends
// to no other, the domain may be international (UTS #46, IDNA 2008).
//
// The canonical form lowers the ASCII letters and writes the domain in its A-labels. Nothing else is folded, neither
// dots nor "+tag", since that is for the receiving host to say: two mailboxes must never share a form. Any error is
// a [*Problem].
func ParseAddress(typed string) (Address, error) {
	if !utf8.ValidString(typed) {
		return Address{}, &Problem{malformedText}
	}
	if utf8.RuneCountInString(typed) > MaxAddress {
		return Address{}, &Problem{"must have at most 254 characters"}
	}
	local, domain, found := strings.Cut(typed, "@")
	if !found || !isDotAtom(local) {
		return Address{}, &Problem{"must be an e-mail address such as name@example.com"}
	}
	host, ok := canonicalDomain(domain)
	if !ok {
		return Address{}, &Problem{"must have a complete domain after the @, such as example.com"}
	}
	canonical := strings.ToLower(local) + "@" + host
	if len(local) > maxLocalPart || len(canonical) > MaxAddress {
		return Address{}, &Problem{"must have at most 64 characters before the @ and 254 in all"}
	}
	return Address{Typed: typed, Canonical: canonical}, nil
}

// canonicalDomain maps a domain to its A-labels and reports whether mail can be sent there.
//
// The result must map to itself. UTS #46 lets some texts through whose result it then refuses (a Hebrew symbol mapped to
// the letter, against the rule for right-to-left labels): such an address could be registered but its canonical form
// could not be typed.
func canonicalDomain(typed string) (string, bool) {
	host, err := idna.Lookup.ToASCII(typed)
	if err != nil || !isMailHost(host) {
		return "", false
	}
	again, err := idna.Lookup.ToASCII(host)
	return host, err == nil && again == host
}

// isMailHost asks for a fully qualified host name: at least two labels, since mail for a single one is not routed in
// public; none empty, so that a dot at the end cannot make a second form of one mailbox; none too long, which the lookup
// profile of idna leaves unasked; and a last one that is not all digits (RFC 3696 §2), which tells 192.0.2.1 from a name.
func isMailHost(host string) bool {
	labels := strings.Split(host, ".")
	for _, label := range labels {
		if label == "" || len(label) > maxLabel {
			return false
		}
	}
	return len(labels) >= 2 && strings.Trim(labels[len(labels)-1], "0123456789") != ""
}

// isDotAtom tells the Dot-string of RFC 5321 §4.1.2: atoms joined by single dots.
func isDotAtom(local string) bool {
	for atom := range strings.SplitSeq(local, ".") {
		if atom == "" || strings.ContainsFunc(atom, isNotAtext) {
			return false
		}
	}
	return true
}

// isNotAtext reports the characters that no atom has (RFC 5322 §3.2.3).
func isNotAtext(r rune) bool {
	isLetter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
	isDigit := '0' <= r && r <= '9'
	return !isLetter && !isDigit && !strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r)
}
