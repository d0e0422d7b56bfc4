package httpapi

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"latchkey/pkg/fault"
	"latchkey/pkg/pages"
)

// PageRenderer writes the pages of one product.
type PageRenderer struct {
	product string
	render  pages.Renderer
}

// NewPageRenderer returns a PageRenderer. Pages carry the product's name.
func NewPageRenderer(product string, render pages.Renderer) PageRenderer {
	return PageRenderer{product: product, render: render}
}

// writeFault writes the page of an error.
func (p PageRenderer) writeFault(_ context.Context, w http.ResponseWriter, _ string, failed *fault.Fault) {
	status := statusOf(failed.Kind)
	if failed.Kind == fault.Unavailable || failed.Kind == fault.Limited {
		setRetryAfter(w, failed)
	}
	p.write(w, status, pages.Trouble{Product: p.product, Status: status})
}

// write responds with a page. It may use its own stylesheet and send its own form, and loads nothing from anywhere.
func (p PageRenderer) write(w http.ResponseWriter, status int, page pages.Page) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", pages.CSP())
	w.Header().Set("Referrer-Policy", "same-origin")
	w.WriteHeader(status)
	_, _ = w.Write(p.render(page))
}

// readForm reads a form within the cap (application/x-www-form-urlencoded).
func readForm(r *http.Request) (url.Values, error) {
	body, err := readCapped(r)
	if err != nil {
		return nil, err
	}
	if !hasType(r, typeForm) {
		return nil, errUnsupportedMedia
	}
	return parseForm(body)
}

// parseForm parses a form. It refuses text that is not valid Unicode, because JSON cannot contain such text: a password set with it
// could never be typed at a login.
func parseForm(body []byte) (url.Values, error) {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, errMalformedForm // without the cause, which quotes the form
	}
	for name, values := range form {
		if !utf8.ValidString(name + strings.Join(values, "")) {
			return nil, errMalformedForm
		}
	}
	return form, nil
}

var errMalformedForm = &fault.Fault{Kind: fault.Invalid, Code: "malformed_form", Detail: "The form is malformed"}
