package httpapi

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"latchkey/pkg/contract"
	"latchkey/pkg/fault"
	"latchkey/pkg/maillink"
	"latchkey/pkg/pages"
	"latchkey/pkg/secret"
)

// Press makes the pages of one product.
type Press struct {
	product string
	render  pages.Renderer
}

// NewPress returns a Press. Pages bear the product's name.
func NewPress(product string, render pages.Renderer) Press {
	return Press{product: product, render: render}
}

// Pages returns the handler of a function that serves pages for people: what goes wrong is told on a page, too.
func (e *Edge) Pages(press Press, handlers map[contract.Route]Handler) http.Handler {
	return e.route(handlers, func(_ context.Context, w http.ResponseWriter, _ string, failed *fault.Fault) {
		status := statusOf(failed.Kind)
		if failed.Kind == fault.Unavailable || failed.Kind == fault.Limited {
			setRetryAfter(w, failed)
		}
		press.write(w, status, pages.Trouble{Product: press.product, Status: status})
	})
}

// write answers with a page. It may use its own stylesheet and send its own form, and load nothing from anywhere.
func (p Press) write(w http.ResponseWriter, status int, page pages.Page) {
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
	if !hasType(r, "application/x-www-form-urlencoded") {
		return nil, errUnsupportedMedia
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, errMalformedForm // without the cause, which quotes the form
	}
	return form, nil
}

var errMalformedForm = &fault.Fault{Kind: fault.Invalid, Code: "malformed_form", Detail: "The form is malformed"}

type verifyPageRules interface {
	verifier
	Look(ctx context.Context, token secret.String) (maillink.LinkView, error)
	Disown(ctx context.Context, token secret.String) error
}

// VerifyEmailPage is GET /account/verify-email/{token}. It changes nothing: scanners follow links, but press no buttons.
func VerifyEmailPage(press Press, rules verifyPageRules) Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		view, err := rules.Look(r.Context(), linkToken(r))
		if err != nil {
			return unusable(w, press, pages.VerificationLink, err)
		}
		press.write(w, http.StatusOK, pages.VerifyConfirm{Product: press.product, Username: view.Username, OfferNotMe: !view.Proven})
		return nil
	}
}

// notMe is the value of the button that disowns an account.
const notMe = "not-me"

// VerifyEmailForm is POST /account/verify-email/{token}.
func VerifyEmailForm(press Press, door Door, rules verifyPageRules) Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		credentials, err := door.credentials(r)
		if err != nil {
			return err
		}
		form, err := readForm(r)
		if err != nil {
			return err
		}
		if form.Get("action") == notMe {
			if err := rules.Disown(r.Context(), linkToken(r)); err != nil {
				return unusable(w, press, pages.VerificationLink, err)
			}
			press.write(w, http.StatusOK, pages.NotMeDone{Product: press.product})
			return nil
		}
		verified, err := rules.Verify(r.Context(), linkToken(r), credentials)
		if err != nil {
			return unusable(w, press, pages.VerificationLink, err)
		}
		press.write(w, http.StatusOK, pages.VerifyDone{Product: press.product, Already: verified == maillink.VerifiedBefore})
		return nil
	}
}

type resetPageRules interface {
	resetter
	Look(ctx context.Context, token secret.String) (maillink.LinkView, error)
}

// ResetPasswordPage is GET /account/reset-password/{token}. It changes nothing.
func ResetPasswordPage(press Press, minLength int, rules resetPageRules) Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		return resetForm(w, r, press, minLength, rules, "")
	}
}

// ResetPasswordForm is POST /account/reset-password/{token}. A password that is refused brings the form again.
func ResetPasswordForm(press Press, minLength int, door Door, rules resetPageRules) Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if _, err := door.credentials(r); err != nil {
			return err
		}
		form, err := readForm(r)
		if err != nil {
			return err
		}
		device, err := rules.Reset(r.Context(), linkToken(r), secret.New(form.Get("new_password")))
		if refused := fault.From(err); refused != nil && refused.Kind == fault.Invalid && len(refused.Fields) > 0 {
			return resetForm(w, r, press, minLength, rules, "The password "+refused.Fields[0].Message+".")
		}
		if err != nil {
			return unusable(w, press, pages.ResetLink, err)
		}
		door.devices.set(w, device)
		press.write(w, http.StatusOK, pages.ResetDone{Product: press.product})
		return nil
	}
}

// resetForm shows the form, with what was wrong with what it was sent.
func resetForm(w http.ResponseWriter, r *http.Request, press Press, minLength int, rules resetPageRules, wrong string) error {
	view, err := rules.Look(r.Context(), linkToken(r))
	if err != nil {
		return unusable(w, press, pages.ResetLink, err)
	}
	status := http.StatusOK
	if wrong != "" {
		status = http.StatusBadRequest
	}
	press.write(w, status, pages.ResetForm{Product: press.product, Username: view.Username, MinLength: minLength, Error: wrong})
	return nil
}

// unusable tells what to do about a link that does not count. Other errors stay errors.
func unusable(w http.ResponseWriter, press Press, link pages.Link, err error) error {
	if !errors.Is(err, maillink.ErrInvalidVerificationToken) && !errors.Is(err, maillink.ErrInvalidResetToken) {
		return err
	}
	press.write(w, http.StatusForbidden, pages.Unusable{Product: press.product, Link: link})
	return nil
}
