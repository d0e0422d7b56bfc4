package identifier

import (
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"
)

func TestParseUsernameCanonicalForm(t *testing.T) {
	for name, c := range map[string]struct{ typed, canonical string }{
		"ASCII is lowered":                        {"Alice_B-9", "alice_b-9"},
		"full width is narrow":                    {"Ａlice", "alice"},
		"ß is ss":                                 {"Straße", "strasse"},
		"capital ẞ is ss":                         {"STRAẞE", "strasse"},
		"final sigma is sigma":                    {"ΟΔΥΣΣΕΥΣ ὈΔΥΣΣΕΎΣ", "οδυσσευσ ὀδυσσεύσ"},
		"small final sigma is the same":           {"οδυσσευς ὀδυσσεύς", "οδυσσευσ ὀδυσσεύσ"},
		"iota subscript folds to iota":            {"ᾼδης", "αιδησ"},
		"dotless i is its own letter":             {"ılgın", "ılgın"},
		"dotted capital I keeps its dot":          {"İnci", "i\u0307nci"},
		"Kelvin sign is k":                        {"\u212Aelvin", "kelvin"},
		"long s is s":                             {"ſam", "sam"},
		"ligature is spelt out":                   {"ﬁnn", "finn"},
		"marks are composed":                      {"Ame\u0301lie", "amélie"},
		"folding apart, composed again":           {"H\u0331ans", "ẖans"},
		"Cherokee folds to the capitals":          {"\uABB8\uABB9\uABBA", "\u13E8\u13E9\u13EA"},
		"Cherokee capitals stay":                  {"\u13E8\u13E9\u13EA", "\u13E8\u13E9\u13EA"},
		"old small Cherokee too":                  {"\u13F8\u13F9\u13FA", "\u13F0\u13F1\u13F2"},
		"a space inside is kept":                  {"Ann Lee", "ann lee"},
		"any space inside is one kind":            {"Ann\u3000Lee", "ann lee"},
		"three typed may be fewer":                {"e\u0301a", "éa"},
		"150 code points":                         {strings.Repeat("ä", 150), strings.Repeat("ä", 150)},
		"canonical form of 254":                   {"㌖㌖" + strings.Repeat("ß", 121), "キロメートルキロメートル" + strings.Repeat("s", 242)},
		"emoji":                                   {"🦊🦊🦊", "🦊🦊🦊"},
		"thirty marks on one letter, none to add": {"Z" + strings.Repeat("\u0327", 30), "z" + strings.Repeat("\u0327", 30)},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParseUsername(c.typed)
			if want := (Username{c.typed, c.canonical}); err != nil || got != want {
				t.Errorf("ParseUsername(%+q) = %+q, %v; want %+q", c.typed, got, err, want)
			}
		})
	}
}

func TestParseUsernameRefuses(t *testing.T) {
	const (
		length    = "between 3 and 150"
		invisible = "invisible characters"
		ends      = "begin or end with a space"
	)
	for name, c := range map[string]struct{ typed, message string }{
		"empty":                           {"", length},
		"two code points":                 {"äö", length},
		"151 code points":                 {strings.Repeat("ä", 151), length},
		"canonical form of 255":           {strings.Repeat("ß", 127) + "a", "too long"},
		"one code point becomes 18":       {strings.Repeat("\uFDFA", 15), "too long"},
		"invalid UTF-8":                   {"ali\xffce", "Unicode"},
		"bytes of a surrogate":            {"ali\xed\xa0\x80ce", "Unicode"},
		"at":                              {"alice@example.com", "@"},
		"full-width at":                   {"alice＠example.com", "@"},
		"small at":                        {"alice﹫example.com", "@"},
		"NUL (Cc)":                        {"ali\x00ce", invisible},
		"line feed (Cc)":                  {"ali\nce", invisible},
		"C1 control (Cc)":                 {"ali\u0085ce", invisible},
		"soft hyphen (Cf)":                {"ali\u00adce", invisible},
		"right-to-left override (Cf)":     {"ali\u202ece", invisible},
		"zero width joiner (Cf)":          {"ali\u200dce", invisible},
		"interlinear anchor (Cf)":         {"ali\ufff9ce", invisible},
		"private use (Co)":                {"ali\ue000ce", invisible},
		"noncharacter (Cn)":               {"ali\uffffce", invisible},
		"unassigned (Cn)":                 {"ali\u0378ce", invisible},
		"line separator (Zl)":             {"ali\u2028ce", invisible},
		"paragraph separator (Zp)":        {"ali\u2029ce", invisible},
		"combining grapheme joiner":       {"ali\u034fce", invisible},
		"Hangul filler":                   {"ali\u3164ce", invisible},
		"variation selector":              {"☂\ufe0f☂", invisible},
		"tag":                             {"ali\U000e0061ce", invisible},
		"31 marks on one letter":          {"z" + strings.Repeat("\u0327", 31), invisible},
		"space before":                    {" alice", ends},
		"no-break space after":            {"alice\u00a0", ends},
		"ogham space after":               {"alice\u1680", ends},
		"accent that is a space and mark": {"\u00b4alice", ends},
		"spaces only":                     {"   ", ends},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParseUsername(c.typed)
			problem, ok := errors.AsType[*Problem](err)
			if !ok || !strings.Contains(problem.Message, c.message) || !strings.HasSuffix(err.Error(), problem.Message) ||
				got != (Username{}) {
				t.Errorf("ParseUsername(%+q) = %+q, %v; want a problem with %q", c.typed, got, err, c.message)
			}
		})
	}
}

// TestFoldingAgainstReference compares the folding of each code point with x/text, except for Cherokee (see foldCase). It
// tries each alone and, if it has case, before marks that affect its folding.
func TestFoldingAgainstReference(t *testing.T) {
	const uncased = 0x3400 // from here on, a mark cannot change the folding of a character
	for r := rune(0x80); r <= unicode.MaxRune; r++ {
		if !unicode.IsGraphic(r) || unicode.In(r, unicode.Cherokee, unicode.Han, unicode.Hangul) {
			continue
		}
		for _, marks := range []string{"", "\u0345", "\u0301\u0345", "\u030c"} {
			typed := string(r) + marks
			if got, want := canonicalUsername(typed), referenceForm(typed); got != want {
				t.Errorf("canonicalUsername(%+q) = %+q, want %+q", typed, got, want)
			}
			if r >= uncased {
				break
			}
		}
	}
}

// referenceForm computes the result that canonicalUsername must have, with x/text alone.
func referenceForm(typed string) string {
	for {
		next := norm.NFKC.String(cases.Fold().String(norm.NFD.String(typed)))
		if next == typed {
			return typed
		}
		typed = next
	}
}

// TestFoldingOnceIsEnough checks for each character why canonicalUsername needs no second round: text that is decomposed and
// then folded (1) does not fold further, (2) does not decompose further and (3) stays in canonical order. Only U+0345 changes
// its combining class, from the highest one to that of a letter, and therefore moves nothing before it.
func TestFoldingOnceIsEnough(t *testing.T) {
	class := func(text string) uint8 { return norm.NFKD.PropertiesString(text).CCC() }
	for r := rune(0); r <= unicode.MaxRune; r++ {
		char := string(r)
		if !unicode.IsGraphic(r) || norm.NFKD.String(char) != char {
			continue
		}
		folded := foldCase(char)
		if foldCase(folded) != folded || norm.NFKD.String(folded) != folded {
			t.Errorf("%U folds to %+q, which changes again; want a fixed point", r, folded)
		}
		if class(folded) != class(char) && r != 0x0345 || class(char) > class("\u0345") {
			t.Errorf("%U of class %d folds to %+q of class %d, want the same class", r, class(char), folded, class(folded))
		}
	}
}

// TestCaseVariantsShareOneForm shows that a change of case, by any of the three mappings, never changes the name.
func TestCaseVariantsShareOneForm(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if !unicode.IsGraphic(r) || r == 'ı' || r == 'İ' { // only Turkish treats these as cases of I and i
			continue
		}
		want := canonicalUsername(string(r))
		for _, variant := range []rune{unicode.ToLower(r), unicode.ToUpper(r), unicode.ToTitle(r), unicode.SimpleFold(r)} {
			if got := canonicalUsername(string(variant)); got != want {
				t.Errorf("canonicalUsername(%U) = %+q, want the form %+q of its variant %U", variant, got, want, r)
			}
		}
	}
}

// TestASCIIShortCut shows that the shortcut for ASCII has the same result as the general case.
func TestASCIIShortCut(t *testing.T) {
	for c := range 0x80 {
		typed := string(rune(c))
		if got, want := canonicalUsername(typed), norm.NFKC.String(foldCase(norm.NFKD.String(typed))); got != want {
			t.Errorf("canonicalUsername(%q) = %q, want %q", typed, got, want)
		}
	}
}

// TestDefaultIgnorableIsRefused tries all of Default_Ignorable_Code_Point as listed in DerivedCoreProperties.txt of Unicode
// 15.0. Later versions added nothing.
func TestDefaultIgnorableIsRefused(t *testing.T) {
	for _, span := range [][2]rune{
		{0x00AD, 0x00AD}, {0x034F, 0x034F}, {0x061C, 0x061C}, {0x115F, 0x1160}, {0x17B4, 0x17B5}, {0x180B, 0x180F},
		{0x200B, 0x200F}, {0x202A, 0x202E}, {0x2060, 0x206F}, {0x3164, 0x3164}, {0xFE00, 0xFE0F}, {0xFEFF, 0xFEFF},
		{0xFFA0, 0xFFA0}, {0xFFF0, 0xFFF8}, {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A}, {0xE0000, 0xE0FFF},
	} {
		for r := span[0]; r <= span[1]; r++ {
			if !IsInvisible(r) {
				t.Errorf("IsInvisible(%U) = false for a default-ignorable code point, want true", r)
			}
		}
	}
}

// TestOneUnicodeVersion keeps the tables consistent: a code point that one package treats as unassigned must not fold in another.
func TestOneUnicodeVersion(t *testing.T) {
	if norm.Version != unicode.Version || idna.UnicodeVersion != unicode.Version {
		t.Errorf("got the Unicode versions %s, %s of norm and %s of idna, want one version", unicode.Version, norm.Version, idna.UnicodeVersion)
	}
}

func FuzzParseUsername(f *testing.F) {
	for _, seed := range []string{"Alice", "Ａlice", "ẞ\u0345\u0301", "\uABB8\u13F8\u13A0", "\u1100\u1161\u11a8", "a＠b.c"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		username, err := ParseUsername(typed)
		if err != nil {
			return
		}
		checkUsername(t, username)
	})
}

func TestUsernameProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		runes := rapid.RuneFrom(nil, unicode.L, unicode.M, unicode.Lt, unicode.Cherokee, unicode.Greek, unicode.Hangul)
		username, err := ParseUsername(rapid.StringOfN(runes, 3, 12, -1).Draw(t, "typed"))
		if err != nil {
			return
		}
		checkUsername(t, username)
	})
}

// checkUsername checks the properties of every accepted username. It takes the fixed point of the form and not of
// ParseUsername, because a form may be shorter or longer than a typed username.
func checkUsername(t interface{ Errorf(string, ...any) }, username Username) {
	form := username.Canonical
	if again := canonicalUsername(form); again != form {
		t.Errorf("canonicalUsername(%+q) = %+q for the form of %+q, want the same form", form, again, username.Typed)
	}
	if message := refuseUsername(form); message != "" {
		t.Errorf("the form %+q of %+q is refused: it %s", form, username.Typed, message)
	}
	if _, err := ParseAddress(form); err == nil {
		t.Errorf("ParseAddress(%+q) accepts the canonical form of a username, want an error", form)
	}
	if !utf8.ValidString(form) || !norm.NFKC.IsNormalString(form) {
		t.Errorf("the form %+q of %+q is not in NFKC", form, username.Typed)
	}
}

// TestTheWorkForALoginNameIsBounded passes texts that grow when they are normalized.
func TestTheWorkForALoginNameIsBounded(t *testing.T) {
	grows := strings.Repeat("\ufdfa", maxSpelling/3) // each becomes 18 characters
	if got := CanonicalUsername(grows); got == grows {
		t.Errorf("a text of %d bytes: got it unchanged, want its canonical form", len(grows))
	}
	if longer := grows + "\ufdfa"; CanonicalUsername(longer) != longer {
		t.Errorf("a text of %d bytes: got another text, want it unchanged", len(longer))
	}
	if longest := strings.Repeat("\u1112\u1161\u11ab", MaxCanonicalUsername); CanonicalUsername(longest) != strings.Repeat("\ud55c", MaxCanonicalUsername) {
		t.Error("the longest name in decomposed Hangul: got another text, want its composed form")
	}
}
