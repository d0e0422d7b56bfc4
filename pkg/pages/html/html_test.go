package html_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"latchkey/pkg/pages"
	"latchkey/pkg/pages/html"
)

const product = "Acme <Accounts>"

// all holds every page in each of its forms.
var all = map[string]pages.Page{
	"verify":           pages.VerifyConfirm{Product: product, Username: "guido", OfferNotMe: true},
	"verify, proven":   pages.VerifyConfirm{Product: product, Username: "guido"},
	"verified":         pages.VerifyDone{Product: product},
	"verified before":  pages.VerifyDone{Product: product, Already: true},
	"not me":           pages.NotMeDone{Product: product},
	"reset":            pages.ResetForm{Product: product, Username: "guido", MinLength: 8},
	"reset, again":     pages.ResetForm{Product: product, Username: "guido", MinLength: 8, Error: "The password is too short."},
	"reset done":       pages.ResetDone{Product: product},
	"unusable, verify": pages.Unusable{Product: product, Link: pages.VerificationLink},
	"unusable, reset":  pages.Unusable{Product: product, Link: pages.ResetLink},
	"trouble, server":  pages.Trouble{Product: product, Status: 503},
	"trouble, client":  pages.Trouble{Product: product, Status: 415},
}

func TestEveryPage(t *testing.T) {
	for name, page := range all {
		t.Run(name, func(t *testing.T) {
			markup := string(html.Render(page))
			for _, needed := range []string{
				"<!doctype html>", `<html lang="en">`, "<title>", "Acme &lt;Accounts&gt;", `name="viewport"`, "<main>",
			} {
				if !strings.Contains(markup, needed) {
					t.Errorf("got the page %s\nwant %s in it", markup, needed)
				}
			}
			if got := strings.Count(markup, "<h1>"); got != 1 {
				t.Errorf("got %d headings, want 1", got)
			}
			for _, loaded := range []string{"http:", "https:", "//", "src=", "href=", "url(", "@import", "<script", "<link", "<img", " style="} {
				if strings.Contains(markup, loaded) {
					t.Errorf("got %s in the page, want nothing that loads or runs", loaded)
				}
			}
		})
	}
}

func TestFormsAreLabeled(t *testing.T) {
	markup := string(html.Render(all["reset, again"]))
	for _, needed := range []string{
		`<form method="post">`, `<label for="new_password">`, `id="new_password" name="new_password" type="password" autocomplete="new-password"`,
		`<input name="username" autocomplete="username" value="guido" readonly hidden>`, `role="alert"`, `aria-describedby="hint wrong"`, `aria-invalid="true"`, "The password is too short.",
	} {
		if !strings.Contains(markup, needed) {
			t.Errorf("got the form %s\nwant %s in it", markup, needed)
		}
	}
}

func TestNotMeIsOfferedOnlyBeforeProof(t *testing.T) {
	if !strings.Contains(string(html.Render(all["verify"])), `value="not-me"`) {
		t.Error("the page of an unproven account lacks the button, want it")
	}
	if strings.Contains(string(html.Render(all["verify, proven"])), "not-me") {
		t.Error("the page of a proven account has the button, want none")
	}
}

func TestHostileNamesAreEscaped(t *testing.T) {
	hostile := `<script>alert(1)</script>"'{{.}}`
	for _, page := range []pages.Page{
		pages.VerifyConfirm{Product: hostile, Username: hostile, OfferNotMe: true},
		pages.ResetForm{Product: hostile, Username: hostile, Error: hostile},
	} {
		markup := string(html.Render(page))
		if strings.Contains(markup, "<script") || strings.Contains(markup, `"'`) || !strings.Contains(markup, "{{.}}") {
			t.Errorf("got the page %s, want the name %q escaped", markup, hostile)
		}
	}
}

// TestThePolicyAllowsTheStylesheet shows that the policy has the hash of the style sheet in the page.
func TestThePolicyAllowsTheStylesheet(t *testing.T) {
	markup := string(html.Render(all["verify"]))
	_, rest, _ := strings.Cut(markup, "<style>")
	sheet, _, found := strings.Cut(rest, "</style>")
	sum := sha256.Sum256([]byte(sheet))
	if want := "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !found || !strings.Contains(pages.CSP(), "style-src "+want+";") {
		t.Errorf("got the policy %s, want the hash %s of the style sheet", pages.CSP(), want)
	}
	for _, needed := range []string{"default-src 'none'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"} {
		if !strings.Contains(pages.CSP(), needed) {
			t.Errorf("got the policy %s, want %s in it", pages.CSP(), needed)
		}
	}
}

// TestContrast computes the contrast of WCAG 2.2 (1.4.3: 4.5 for text, 1.4.11: 3 for borders) for the colors of both schemes.
func TestContrast(t *testing.T) {
	sheet, err := os.ReadFile("../style.css")
	if err != nil {
		t.Fatal(err)
	}
	schemes := regexp.MustCompile(`:root \{[^}]*\}`).FindAllString(string(sheet), -1)
	if len(schemes) != 2 {
		t.Fatalf("got %d color schemes, want 2", len(schemes))
	}
	for i, scheme := range schemes {
		color := map[string]float64{}
		for _, match := range regexp.MustCompile(`--([a-z-]+): #([0-9a-f]{6})`).FindAllStringSubmatch(scheme, -1) {
			color[match[1]] = luminance(t, match[2])
		}
		for pair, least := range map[[2]string]float64{
			{"ink", "paper"}: 4.5, {"soft", "paper"}: 4.5, {"alarm", "paper"}: 4.5, {"accent", "paper"}: 4.5,
			{"on-accent", "accent"}: 4.5, {"line", "paper"}: 3,
		} {
			a, b := color[pair[0]], color[pair[1]]
			if ratio := (math.Max(a, b) + 0.05) / (math.Min(a, b) + 0.05); ratio < least {
				t.Errorf("scheme %d: %v has a contrast of %.2f, want at least %.1f", i, pair, ratio, least)
			}
		}
	}
}

// luminance returns the relative luminance of a color (WCAG 2.2).
func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	var parts [3]float64
	for i := range parts {
		value, err := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		part := float64(value) / 255
		if part <= 0.04045 {
			parts[i] = part / 12.92
		} else {
			parts[i] = math.Pow((part+0.055)/1.055, 2.4)
		}
	}
	return 0.2126*parts[0] + 0.7152*parts[1] + 0.0722*parts[2]
}

func ExampleRender() {
	markup := html.Render(pages.ResetDone{Product: "Acme"})
	fmt.Println(strings.Contains(string(markup), "<h1>Password changed</h1>"))
	// Output: true
}
