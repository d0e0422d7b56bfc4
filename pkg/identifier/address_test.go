package identifier

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseAddressCanonicalForm(t *testing.T) {
	longest := strings.Repeat("d", 63) + "." + strings.Repeat("e", 63) + "." + strings.Repeat("f", 58) + ".org"
	for name, c := range map[string]struct{ typed, canonical string }{
		"letters are lowered":           {"Alice@Example.COM", "alice@example.com"},
		"dots and tags are kept":        {"a.l.ice+News@gmail.com", "a.l.ice+news@gmail.com"},
		"every character of an atom":    {"!#$%&'*+-/=?^_`{|}~@example.com", "!#$%&'*+-/=?^_`{|}~@example.com"},
		"one character before the at":   {"a@example.com", "a@example.com"},
		"international domain":          {"Anna@BÜCHER.example", "anna@xn--bcher-kva.example"},
		"composed and decomposed agree": {"anna@bu\u0308cher.example", "anna@xn--bcher-kva.example"},
		"an A-label is the same":        {"anna@XN--Bcher-KVA.example", "anna@xn--bcher-kva.example"},
		"ß in a domain is not ss":       {"anna@faß.de", "anna@xn--fa-hia.de"},
		"full-width domain":             {"anna@ｅxample.com", "anna@example.com"},
		"ideographic full stop":         {"anna@example。com", "anna@example.com"},
		"digits in a domain":            {"anna@163.com", "anna@163.com"},
		"hyphen inside a label":         {"anna@my-host.example", "anna@my-host.example"},
		"local part of 64":              {strings.Repeat("L", 64) + "@example.com", strings.Repeat("l", 64) + "@example.com"},
		"label of 63, 254 in all":       {strings.Repeat("L", 61) + "@" + longest, strings.Repeat("l", 61) + "@" + longest},
		"254 as typed, less as mapped":  {"anna@" + strings.Repeat("\u00ad", 238) + "example.com", "anna@example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParseAddress(c.typed)
			if want := (Address{c.typed, c.canonical}); err != nil || got != want {
				t.Errorf("ParseAddress(%+q) = %+q, %v; want %+q", c.typed, got, err, want)
			}
		})
	}
}

func TestParseAddressRefuses(t *testing.T) {
	const (
		shape  = "such as name@example.com"
		domain = "complete domain"
		length = "at most"
	)
	for name, c := range map[string]struct{ typed, message string }{
		"empty":                          {"", shape},
		"no at":                          {"alice.example.com", shape},
		"nothing before the at":          {"@example.com", shape},
		"nothing after the at":           {"alice@", domain},
		"two ats":                        {"alice@bob@example.com", domain},
		"full-width at only":             {"alice＠example.com", shape},
		"quoted local part":              {`"alice"@example.com`, shape},
		"quoted pair":                    {`al\ice@example.com`, shape},
		"comment":                        {"alice(home)@example.com", shape},
		"display name":                   {"Alice <alice@example.com>", shape},
		"two addresses":                  {"a@example.com,b@example.com", domain},
		"dot first":                      {".alice@example.com", shape},
		"dot last":                       {"alice.@example.com", shape},
		"two dots":                       {"al..ice@example.com", shape},
		"space before":                   {" alice@example.com", shape},
		"space after":                    {"alice@example.com ", domain},
		"no-break space after":           {"alice@example.com\u00a0", domain},
		"line feed after":                {"alice@example.com\n", domain},
		"header injection":               {"alice@example.com\r\nBcc: b@example.com", domain},
		"control character":              {"al\x10ice@example.com", shape},
		"NUL":                            {"alice\x00@example.com", shape},
		"international local part":       {"älice@example.com", shape},
		"encoded word":                   {"=?utf-8?q?alice?=@example.com", shape},
		"encoded word within an atom":    {"x=?utf-8?b?eA==?=@example.com", shape},
		"address literal":                {"alice@[192.0.2.1]", domain},
		"IPv6 literal":                   {"alice@[IPv6:2001:db8::1]", domain},
		"bare IPv4":                      {"alice@192.0.2.1", domain},
		"single label":                   {"alice@localhost", domain},
		"dot at the end":                 {"alice@example.com.", domain},
		"ideographic dot at the end":     {"alice@example.com。", domain},
		"dot at the start":               {"alice@.example.com", domain},
		"empty label":                    {"alice@example..com", domain},
		"label that maps to nothing":     {"alice@\u00ad.com", domain},
		"underscore":                     {"alice@my_host.example", domain},
		"hyphen first":                   {"alice@-host.example", domain},
		"hyphen last":                    {"alice@host-.example", domain},
		"A-label of plain ASCII":         {"alice@xn--example-.com", domain},
		"empty A-label":                  {"alice@xn--.com", domain},
		"A-label that does not decode":   {"alice@xn--999999999.com", domain},
		"mapped, then refused by itself": {"alice@闱\u2136.com", domain},
		"label of 64":                    {"alice@" + strings.Repeat("d", 64) + ".com", domain},
		"label of 64 once mapped":        {"alice@" + strings.Repeat("ä", 60) + ".com", domain},
		"local part of 65":               {strings.Repeat("l", 65) + "@example.com", length},
		"255 code points":                {strings.Repeat("l", 243) + "@example.com", length},
		"255 code points, less mapped":   {"anna@" + strings.Repeat("\u00ad", 239) + "example.com", length},
		"255 octets once mapped":         {"localpart@" + strings.Repeat("ä.", 30) + "d.com", length},
		"invalid UTF-8 before the at":    {"al\xffice@example.com", "Unicode"},
		"invalid UTF-8 after the at":     {"alice@exam\xffple.com", "Unicode"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParseAddress(c.typed)
			problem, ok := errors.AsType[*Problem](err)
			if !ok || !strings.Contains(problem.Message, c.message) || !strings.HasSuffix(err.Error(), problem.Message) ||
				got != (Address{}) {
				t.Errorf("ParseAddress(%+q) = %+q, %v; want a problem with %q", c.typed, got, err, c.message)
			}
		})
	}
}

func FuzzParseAddress(f *testing.F) {
	for _, seed := range []string{
		"Alice@Example.com", "a@BÜCHER.example", "a@xn--bcher-kva.example", "a@faß。de", "a@闱\u2136.com", "a@xn---b.com",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		address, err := ParseAddress(typed)
		if err != nil {
			return
		}
		checkAddress(t, address)
	})
}

func TestAddressProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		local := rapid.StringMatching(`[A-Za-z0-9+.]{1,8}`).Draw(t, "local")
		label := rapid.OneOf(rapid.StringN(1, 4, -1), rapid.StringMatching(`(xn--)?[a-zA-Z0-9-]{1,8}`)).Draw(t, "label")
		address, err := ParseAddress(local + "@" + label + ".example")
		if err != nil {
			return
		}
		checkAddress(t, address)
	})
}

// checkAddress checks the properties of every accepted address.
func checkAddress(t interface{ Errorf(string, ...any) }, address Address) {
	form := address.Canonical
	if again, err := ParseAddress(form); err != nil || again.Canonical != form {
		t.Errorf("ParseAddress(%+q) = %+q, %v for the canonical form of %+q; want the same form", form, again.Canonical, err, address.Typed)
	}
	if !isASCII(form) || len(form) > MaxAddress || form != strings.ToLower(form) {
		t.Errorf("the canonical form of %+q is %+q, want lower-case ASCII of at most %d octets", address.Typed, form, MaxAddress)
	}
	if _, err := ParseUsername(form); err == nil {
		t.Errorf("ParseUsername(%+q) accepts the canonical form of an address, want an error", form)
	}
	_, host, _ := strings.Cut(form, "@")
	if strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789-.") != "" {
		t.Errorf("the domain of %+q has other characters, want only letters, digits, hyphens and dots", form)
	}
	if isASCII(address.Typed) && form != strings.ToLower(address.Typed) {
		t.Errorf("the canonical form of the ASCII address %q is %q, want only its lower case", address.Typed, form)
	}
}
