package mail_test

import (
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"latchkey/pkg/identifier"
	"latchkey/pkg/mail"
	"latchkey/pkg/outbox"
	"latchkey/pkg/secret"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// link has the length of a real link.
const link = "https://auth.example.com/account/verify-email/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

func TestGolden(t *testing.T) {
	for _, purpose := range outbox.Purposes() {
		t.Run(string(purpose), func(t *testing.T) {
			m := compose(t, purpose, "john.doe")
			template := define(t, purpose).Template
			golden(t, template+".txt.golden", "Subject: "+m.Subject+"\n\n"+m.Text.Reveal())
			golden(t, template+".html.golden", m.HTML.Reveal())
		})
	}
}

// TestEveryTemplateHasAPurpose finds templates that no mail uses.
func TestEveryTemplateHasAPurpose(t *testing.T) {
	want := []string{"layout.html", "layout.txt"}
	for _, purpose := range outbox.Purposes() {
		template := define(t, purpose).Template
		want = append(want, template+".html", template+".txt")
	}
	slices.Sort(want)
	entries, err := os.ReadDir("templates")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, entry := range entries {
		got = append(got, entry.Name())
	}
	if !slices.Equal(got, want) {
		t.Errorf("templates: got %v, want %v", got, want)
	}
}

// TestHostileUsernames shows that a hostile name changes nothing but the name itself: the rest of the message is that of a
// harmless name.
func TestHostileUsernames(t *testing.T) {
	cases := map[string]struct{ name, text, html string }{
		"markup":             {`<b onclick="x">`, `“<b onclick='x'>”`, `“&lt;b onclick=&#39;x&#39;&gt;”`},
		"end of a comment":   {`--><script>x`, `“--><script>x”`, `“--&gt;&lt;script&gt;x”`},
		"template code":      {`{{.Link}}`, "“{{.\u200aLink}}”", "“{{.\u200aLink}}”"},
		"URL":                {`https://evil.com`, "“https:\u200a/\u200a/\u200aevil.\u200acom”", "“https:\u200a/\u200a/\u200aevil.\u200acom”"},
		"host":               {`evil.com`, "“evil.\u200acom”", "“evil.\u200acom”"},
		"ideographic dot":    {`evil。com`, "“evil。\u200acom”", "“evil。\u200acom”"},
		"address":            {`a@evil.com`, "“a@\u200aevil.\u200acom”", "“a@\u200aevil.\u200acom”"},
		"header":             {"x\r\nBcc: a", "“x\ufffd\ufffdBcc:\u200a a”", "“x\ufffd\ufffdBcc:\u200a a”"},
		"line separators":    {"a\u2028b\u2029c\u0085d", "“a\ufffdb\ufffdc\ufffdd”", "“a\ufffdb\ufffdc\ufffdd”"},
		"end of quotation":   {`x” is closed. “y`, "“x' is closed.\u200a 'y”", "“x&#39; is closed.\u200a &#39;y”"},
		"reordering":         {"a\u202eb", "“a\ufffdb”", "“a\ufffdb”"},
		"invisible":          {"a\u200bb\u3164c\ufe0fd", "“a\ufffdb\ufffdc\ufffdd”", "“a\ufffdb\ufffdc\ufffdd”"},
		"not UTF-8":          {"a\xffb", "“a\ufffdb”", "“a\ufffdb”"},
		"wide space":         {"a\u3000b", "“a b”", "“a b”"},
		"advertisement":      {strings.Repeat("ä", 150), "“" + strings.Repeat("ä", 64) + "…”", "“" + strings.Repeat("ä", 64) + "…”"},
		"just short enough":  {strings.Repeat("ä", 64), "“" + strings.Repeat("ä", 64) + "”", "“" + strings.Repeat("ä", 64) + "”"},
		"harmless and mixed": {"Zoë O'Neil-李", "“Zoë O'Neil-李”", "“Zoë O&#39;Neil-李”"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			for _, purpose := range outbox.Purposes() {
				harmless, hostile := compose(t, purpose, "alice"), compose(t, purpose, c.name)
				same(t, "text", strings.Replace(harmless.Text.Reveal(), "“alice”", c.text, 1), hostile.Text.Reveal())
				same(t, "HTML", strings.Replace(harmless.HTML.Reveal(), "“alice”", c.html, 1), hostile.HTML.Reveal())
				same(t, "subject", harmless.Subject, hostile.Subject)
				same(t, "recipient", harmless.To, hostile.To)
			}
		})
	}
}

func FuzzUsername(f *testing.F) {
	for _, seed := range []string{"alice", "<a href=//x.y>", "a\r\nb: c", "{{.}}", "”\u202e", "&#8221;", "\xff"} {
		f.Add(seed)
	}
	c := composer(f, "Example")
	f.Fuzz(func(t *testing.T, name string) {
		m, err := c.Compose(outbox.Verification, data(name))
		if err != nil {
			t.Fatal(err)
		}
		harmless, err := c.Compose(outbox.Verification, data("alice"))
		if err != nil {
			t.Fatal(err)
		}
		if got, want := strings.Count(m.Text.Reveal(), "\n"), strings.Count(harmless.Text.Reveal(), "\n"); got != want {
			t.Errorf("the username %q: got %d lines, want %d", name, got, want)
		}
		if got, want := tags(t, m.HTML), tags(t, harmless.HTML); !slices.Equal(got, want) {
			t.Errorf("the username %q: got the tags %v, want %v", name, got, want)
		}
	})
}

func TestProductIsEscaped(t *testing.T) {
	m, err := composer(t, `R&D <"Lab">`).Compose(outbox.Verification, data("alice"))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "subject", `Confirm your e-mail address for R&D <"Lab">`, m.Subject)
	if markup := m.HTML.Reveal(); strings.Contains(markup, "<\"Lab") || !strings.Contains(markup, "account at R&amp;D &lt;") {
		t.Errorf("got the HTML %s, want the escaped name of the product", markup)
	}
}

// TestHTMLIsValid shows that each tag is closed in order, that the link occurs as given, and that nothing is loaded.
func TestHTMLIsValid(t *testing.T) {
	for _, purpose := range outbox.Purposes() {
		t.Run(string(purpose), func(t *testing.T) {
			markup := compose(t, purpose, "alice").HTML.Reveal()
			balanced(t, tags(t, secret.New(markup)))
			for _, forbidden := range []string{"<img", "<script", "<link", "<style", "<form", "src=", "url(", "@import", "ZgotmplZ"} {
				if strings.Contains(markup, forbidden) {
					t.Errorf("got %s in the HTML, want nothing that loads or runs", forbidden)
				}
			}
			links := strings.Count(markup, "://")
			if !define(t, purpose).HasLink() {
				same(t, "links", 0, links)
				return
			}
			same(t, "links", 2, links)
			same(t, "href", 1, strings.Count(markup, `<a href="`+link+`"`))
			same(t, "visible link", 1, strings.Count(markup, ">"+link+"<"))
		})
	}
}

func TestLifetimeInWords(t *testing.T) {
	cases := map[time.Duration]string{
		24 * time.Hour: "24 hours", time.Hour: "1 hour", 90 * time.Minute: "90 minutes", time.Hour + time.Second: "60 minutes",
		2*time.Minute + 59*time.Second: "2 minutes", 90 * time.Second: "90 seconds", time.Second: "1 second",
	}
	for life, want := range cases {
		d := data("alice")
		d.Life = life
		m, err := composer(t, "Example").Compose(outbox.Reset, d)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(m.Text.Reveal(), "within "+want+".") || !strings.Contains(m.HTML.Reveal(), "within "+want+".") {
			t.Errorf("a life of %v: got the text\n%s\nwant \"within %s.\"", life, m.Text.Reveal(), want)
		}
	}
}

func TestRecipient(t *testing.T) {
	cases := map[string]struct {
		typed, canonical, want string
		rejected               bool
	}{
		"local part as typed":     {typed: "Ada.L@Example.COM", canonical: "ada.l@example.com", want: "Ada.L@example.com"},
		"domain in A-labels":      {typed: "ada@bücher.example", canonical: "ada@xn--bcher-kva.example", want: "ada@xn--bcher-kva.example"},
		"second recipient":        {typed: "ada,eve@example.com", canonical: "ada,eve@example.com", rejected: true},
		"header":                  {typed: "ada\r\nBcc:eve@example.com", canonical: "ada@example.com", rejected: true},
		"display name":            {typed: "Eve <ada@example.com", canonical: "ada@example.com", rejected: true},
		"two different addresses": {typed: "eve@example.com", canonical: "ada@example.com", rejected: true},
		"local part not in ASCII": {typed: "adä@example.com", canonical: "adä@example.com", rejected: true},
		"no address":              {rejected: true},
		"header after the domain": {typed: "ada@example.com", canonical: "ada@example.com\r\nBcc: eve@example.com", rejected: true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			d := data("alice")
			d.To = identifier.Address{Typed: c.typed, Canonical: c.canonical}
			m, err := composer(t, "Example").Compose(outbox.Verification, d)
			same(t, "recipient", c.want, m.To)
			if errors.Is(err, mail.ErrRejected) != c.rejected {
				t.Errorf("Compose for %+v returned the error %v, want ErrRejected: %v", d.To, err, c.rejected)
			}
		})
	}
}

func TestComposeRefusesFaultsOfTheCaller(t *testing.T) {
	cases := map[string]struct {
		purpose outbox.Purpose
		change  func(*mail.Data)
	}{
		"unknown purpose":     {"newsletter", func(*mail.Data) {}},
		"no link":             {outbox.Verification, func(d *mail.Data) { d.Link = secret.String{} }},
		"link in a notice":    {outbox.PasswordChanged, func(*mail.Data) {}},
		"link without a life": {outbox.Reset, func(d *mail.Data) { d.Life = 0 }},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			d := data("alice")
			c.change(&d)
			if m, err := composer(t, "Example").Compose(c.purpose, d); err == nil || errors.Is(err, mail.ErrRejected) {
				t.Errorf("Compose(%q, %+v) = %v, %v; want an error that is not ErrRejected", c.purpose, d, m, err)
			}
		})
	}
}

func TestProductMustBeOneLine(t *testing.T) {
	for name, product := range map[string]string{
		"empty": "", "two lines": "a\nBcc: b", "long": strings.Repeat("x", 65), "reordering": "a\u202eb",
	} {
		if _, err := mail.NewComposer(product); err == nil {
			t.Errorf("%s: NewComposer(%q) returned no error", name, product)
		}
	}
}

func composer(t testing.TB, product string) *mail.Composer {
	t.Helper()
	c, err := mail.NewComposer(product)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func data(username string) mail.Data {
	return mail.Data{
		To:       identifier.Address{Typed: "Alice@Example.com", Canonical: "alice@example.com"},
		Username: username, Link: secret.New(link), Life: 24 * time.Hour,
	}
}

func define(t *testing.T, purpose outbox.Purpose) outbox.Definition {
	t.Helper()
	definition, found := purpose.Definition()
	if !found {
		t.Fatalf("the purpose %s has no definition", purpose)
	}
	return definition
}

func compose(t *testing.T, purpose outbox.Purpose, username string) mail.Message {
	t.Helper()
	d := data(username)
	if !define(t, purpose).HasLink() {
		d.Link, d.Life = secret.String{}, 0
	}
	m, err := composer(t, "Example").Compose(purpose, d)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	same(t, name, string(want), got)
}

func same[T comparable](t *testing.T, name string, want, got T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got\n%v\nwant\n%v", name, got, want)
	}
}

// tags returns the tags in order. A closing tag starts with a slash.
func tags(t *testing.T, markup secret.String) []string {
	t.Helper()
	var all []string
	tokens := html.NewTokenizer(strings.NewReader(markup.Reveal()))
	for {
		switch tokens.Next() {
		case html.StartTagToken:
			all = append(all, tokens.Token().Data)
		case html.EndTagToken:
			all = append(all, "/"+tokens.Token().Data)
		case html.ErrorToken:
			if !errors.Is(tokens.Err(), io.EOF) {
				t.Fatal(tokens.Err())
			}
			return all
		case html.TextToken, html.SelfClosingTagToken, html.CommentToken, html.DoctypeToken:
		}
	}
}

func balanced(t *testing.T, tags []string) {
	t.Helper()
	var open []string
	for _, tag := range tags {
		name, closes := strings.CutPrefix(tag, "/")
		switch {
		case name == "meta" || name == "br":
		case !closes:
			open = append(open, name)
		case len(open) == 0 || open[len(open)-1] != name:
			t.Fatalf("got the tag %s while %v are open, want it to close the last of them", tag, open)
		default:
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		t.Errorf("the tags %v are never closed", open)
	}
	for _, once := range []string{"html", "title", "h1", "body"} {
		if n := len(slices.DeleteFunc(slices.Clone(tags), func(tag string) bool { return tag != once })); n != 1 {
			t.Errorf("got the tag %s %d times, want 1", once, n)
		}
	}
}
