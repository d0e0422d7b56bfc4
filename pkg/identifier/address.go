package identifier

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// Limits of an address (RFC 5321 §4.5.3.1, RFC 1035 §2.3.4), in octets of the ASCII form. [MaxAddress] also limits the code
// points of the typed form. It is the 256 octets of a path without its two angle brackets, so the domain has fewer than the
// 253 octets that DNS allows.
const (
	MaxAddress   = 254
	maxLocalPart = 64
	maxLabel     = 63
)

// Address is an e-mail address that may be registered.
type Address struct {
	Typed     string // as the person typed it
	Canonical string // in lower-case ASCII; uniqueness, login and limits use this form
}

// ParseAddress reads an addr-spec (RFC 5322 §3.4.1) with a dot-atom before the '@' and a host name after it. It refuses a
// display name, a comment, a quoted local part, an address literal and white space. The local part must be ASCII, because
// SES sends to no other. The domain may be internationalized (UTS #46, IDNA 2008).
//
// The canonical form has ASCII letters in lower case and the domain in A-labels. Dots and "+tag" are kept, because only the
// receiving host knows their meaning, and two mailboxes must never share a form. Any error is a [*Problem].
func ParseAddress(typed string) (Address, error) {
	if !utf8.ValidString(typed) {
		return Address{}, &Problem{malformedText}
	}
	if utf8.RuneCountInString(typed) > MaxAddress {
		return Address{}, &Problem{"must have at most 254 characters"}
	}
	local, domain, found := strings.Cut(typed, "@")
	if !found || !isDotAtom(local) || isEncoded(local) {
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

// canonicalDomain returns the A-labels of a domain and reports whether mail can be sent to it.
//
// The result must map to itself. UTS #46 accepts some texts and then refuses their mapping, for example a Hebrew symbol that
// maps to a letter and then violates the rule for right-to-left labels. The canonical form of such an address could not be
// typed.
func canonicalDomain(typed string) (string, bool) {
	host, err := idna.Lookup.ToASCII(typed)
	if err != nil || !isMailHost(host) {
		return "", false
	}
	again, err := idna.Lookup.ToASCII(host)
	return host, err == nil && again == host
}

// isMailHost reports whether host is a fully qualified host name. It has at least two labels, because public mail is not
// routed to a single label. No label is empty, so a dot at the end cannot create a second form of a mailbox. No label is too
// long, which the lookup profile of idna does not check. The last label has a character that is not a digit (RFC 3696 §2),
// which distinguishes a name from 192.0.2.1.
func isMailHost(host string) bool {
	labels := strings.Split(host, ".")
	for _, label := range labels {
		if label == "" || len(label) > maxLabel {
			return false
		}
	}
	return len(labels) >= 2 && strings.Trim(labels[len(labels)-1], "0123456789") != ""
}

// isDotAtom reports whether local is a Dot-string (RFC 5321 §4.1.2): atoms joined by single dots.
func isDotAtom(local string) bool {
	for atom := range strings.SplitSeq(local, ".") {
		if atom == "" || strings.ContainsFunc(atom, isNotAtext) {
			return false
		}
	}
	return true
}

// isEncoded reports whether a mail server might decode local to another text: it contains the marks of an encoded word (RFC 2047 §2).
func isEncoded(local string) bool {
	_, after, begins := strings.Cut(local, "=?")
	return begins && strings.Contains(after, "?=")
}

// isNotAtext reports whether r may not occur in an atom (RFC 5322 §3.2.3).
func isNotAtext(r rune) bool {
	isLetter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
	isDigit := '0' <= r && r <= '9'
	return !isLetter && !isDigit && !strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r)
}
