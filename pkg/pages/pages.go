// Package pages says what the pages show that people see who follow a link in a mail. They work without scripts and load
// nothing from anywhere.
//
// It knows no HTTP and no accounts, and writes no HTML: package html does, which only the functions with pages link.
package pages

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
)

// Page is what one page shows.
type Page interface {
	// Describe names the page's template, its title and the product.
	Describe() (name, title, product string)
}

// Renderer writes the HTML of a page, as html.Render does.
type Renderer func(Page) []byte

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

// Style is the stylesheet of all pages.
//
//go:embed style.css
var Style string

// CSP is the Content-Security-Policy of all pages: their one stylesheet, their own form, and nothing else.
func CSP() string {
	sum := sha256.Sum256([]byte(Style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}
