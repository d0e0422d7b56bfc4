// Package pages describes the pages behind the links in mails. The pages work without scripts and load nothing.
//
// The package has no notion of HTTP or accounts. Package html renders the pages, so that only functions with pages link the
// template engine.
package pages

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
)

// Page is the content of one page.
type Page interface {
	// Describe returns the name of the template, the title of the page and the name of the product.
	Describe() (name, title, product string)
}

// Renderer returns the HTML of a page. html.Render is the implementation.
type Renderer func(Page) []byte

// VerifyConfirm asks the owner of an address to confirm it with a button.
type VerifyConfirm struct {
	Product    string
	Username   string
	OfferNotMe bool // adds a button for owners who did not create the account
}

// VerifyDone states that an address is verified.
type VerifyDone struct {
	Product string
	Already bool // it was verified before
}

// NotMeDone states that the account with the address of its reader has no password and no sessions any more.
type NotMeDone struct{ Product string }

// ResetForm is the form for a new password.
type ResetForm struct {
	Product   string
	Username  string
	MinLength int    // code points
	Error     string // a sentence that says why the password in the last attempt was refused; empty for none
}

// ResetDone states that the new password is set.
type ResetDone struct{ Product string }

// Link is the purpose of a link.
type Link int

// The purposes of links.
const (
	VerificationLink Link = iota
	ResetLink
)

// Unusable states what to do about a link that cannot be used.
type Unusable struct {
	Product string
	Link    Link
}

// IsReset reports whether the link was for a password reset. The template calls it.
func (u Unusable) IsReset() bool { return u.Link == ResetLink }

// Trouble states that the request failed for another reason.
type Trouble struct {
	Product string
	Status  int // of the response (RFC 9110 §15)
}

// TryAgain reports whether another attempt can succeed. The template calls it.
func (t Trouble) TryAgain() bool { return t.Status >= 500 || t.Status == 429 }

// Describe implements [Page].
func (p VerifyConfirm) Describe() (name, title, product string) {
	return "verify-confirm", "Confirm your e-mail address", p.Product
}

// Describe implements [Page].
func (p VerifyDone) Describe() (name, title, product string) {
	return "verify-done", "E-mail address confirmed", p.Product
}

// Describe implements [Page].
func (p NotMeDone) Describe() (name, title, product string) {
	return "not-me-done", "Thank you for telling us", p.Product
}

// Describe implements [Page].
func (p ResetForm) Describe() (name, title, product string) {
	return "reset-form", "Choose a new password", p.Product
}

// Describe implements [Page].
func (p ResetDone) Describe() (name, title, product string) {
	return "reset-done", "Password changed", p.Product
}

// Describe implements [Page].
func (u Unusable) Describe() (name, title, product string) {
	return "unusable", "This link cannot be used", u.Product
}

// Describe implements [Page].
func (t Trouble) Describe() (name, title, product string) {
	return "trouble", "Something went wrong", t.Product
}

// Style is the style sheet of all pages.
//
//go:embed style.css
var Style string

// CSP returns the Content-Security-Policy of all pages. It allows their style sheet, their own form and nothing else.
func CSP() string {
	sum := sha256.Sum256([]byte(Style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}
