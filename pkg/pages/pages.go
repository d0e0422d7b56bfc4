// Package pages renders the pages that people see who follow a link in a mail. They work without scripts and load nothing
// from anywhere.
//
// It knows no HTTP and no accounts: a page is made of what it shows, which is hostile input and escaped by html/template.
package pages

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"sync"
)

// Page is what one page shows.
type Page interface {
	// describe names the page's template, its title and the product.
	describe() (name, title, product string)
}

// VerifyConfirm asks the owner of an address to press a button.
type VerifyConfirm struct {
	Product    string
	Username   string
	OfferNotMe bool // also to say that the account is a stranger's
}

// VerifyDone tells that an address is verified.
type VerifyDone struct {
	Product string
	Already bool // it was before
}

// NotMeDone tells that a stranger has lost the account.
type NotMeDone struct{ Product string }

// ResetForm asks for a new password.
type ResetForm struct {
	Product   string
	Username  string
	MinLength int    // code points
	Error     string // a sentence on what was wrong with the password sent before; empty for none
}

// ResetDone tells that the password is set.
type ResetDone struct{ Product string }

// Link says what a link was for.
type Link int

// The links.
const (
	VerificationLink Link = iota
	ResetLink
)

// Unusable tells what to do about a link that does not count.
type Unusable struct {
	Product string
	Link    Link
}

// IsReset is for the template.
func (u Unusable) IsReset() bool { return u.Link == ResetLink }

// Trouble tells that something else went wrong.
type Trouble struct {
	Product string
	Status  int // of the answer (RFC 9110 §15)
}

// TryAgain says whether waiting mends it; for the template.
func (t Trouble) TryAgain() bool { return t.Status >= 500 || t.Status == 429 }

func (p VerifyConfirm) describe() (name, title, product string) {
	return "verify-confirm", "Confirm your e-mail address", p.Product
}

func (p VerifyDone) describe() (name, title, product string) {
	return "verify-done", "E-mail address confirmed", p.Product
}

func (p NotMeDone) describe() (name, title, product string) {
	return "not-me-done", "Thank you for telling us", p.Product
}

func (p ResetForm) describe() (name, title, product string) {
	return "reset-form", "Choose a new password", p.Product
}

func (p ResetDone) describe() (name, title, product string) {
	return "reset-done", "Password changed", p.Product
}

func (u Unusable) describe() (name, title, product string) {
	return "unusable", "This link cannot be used", u.Product
}

func (t Trouble) describe() (name, title, product string) {
	return "trouble", "Something went wrong", t.Product
}

//go:embed templates
var files embed.FS

//go:embed templates/style.css
var style string

// CSP is the Content-Security-Policy of all pages: their one stylesheet, their own form, and nothing else.
func CSP() string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}

var (
	parse  sync.Once
	parsed *template.Template
)

// templates are read on first use. It is a function, and no variable that holds one, so that functions without pages do not
// link the template engine.
func templates() *template.Template {
	parse.Do(func() { parsed = template.Must(template.ParseFS(files, "templates/pages.html")) })
	return parsed
}

// Render returns the page's HTML. A template that fails is a fault of this package, which its tests find, and panics.
func Render(page Page) []byte {
	name, title, product := page.describe()
	content := execute(name, page)
	return execute("page", struct {
		Title, Product string
		Style          template.CSS
		Content        template.HTML
	}{title, product, template.CSS(style), template.HTML(content)})
}

func execute(name string, data any) []byte {
	var out bytes.Buffer
	if err := templates().ExecuteTemplate(&out, name, data); err != nil {
		panic("pages: " + err.Error())
	}
	return out.Bytes()
}
