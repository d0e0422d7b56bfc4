package httpapi

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"latchkey/pkg/auth"
	"latchkey/pkg/contract"
	"latchkey/pkg/fault"
	"latchkey/pkg/pages"
	"latchkey/pkg/secret"
)

// Pages returns the handler of a function that serves pages for people: what goes wrong is told on a page, too. product is
// the name that pages bear.
func (e *Edge) Pages(product string, handlers map[contract.Route]Handler) http.Handler {
	return e.route(handlers, func(_ context.Context, w http.ResponseWriter, _ string, failed *fault.Fault) {
		status := statusOf(failed.Kind)
		if failed.Kind == fault.Unavailable || failed.Kind == fault.Limited {
			setRetryAfter(w, failed)
		}
		writePage(w, status, pages.Trouble{Product: product, Status: status})
	})
}

// writePage answers with a page. It may use its own stylesheet and send its own form, and load nothing from anywhere.
func writePage(w http.ResponseWriter, status int, page pages.Page) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", pages.CSP())
	w.Header().Set("Referrer-Policy", "same-origin")
	w.WriteHeader(status)
	_, _ = w.Write(pages.Render(page))
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
	Look(ctx context.Context, token secret.String) (auth.LinkView, error)
	Disown(ctx context.Context, token secret.String) error
}

// VerifyEmailPage is GET /account/verify-email/{token}. It changes nothing: scanners follow links, but press no buttons.
func VerifyEmailPage(product string, rules verifyPageRules) Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		view, err := rules.Look(r.Context(), linkToken(r))
		if err != nil {
			return unusable(w, product, pages.VerificationLink, err)
		}
		writePage(w, http.StatusOK, pages.VerifyConfirm{Product: product, Username: view.Username, OfferNotMe: !view.Proven})
		return nil
	}
}

// notMe is the value of the button that disowns an account.
const notMe = "not-me"

// VerifyEmailForm is POST /account/verify-email/{token}.
func VerifyEmailForm(product string, door Door, rules verifyPageRules) Handler {
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
				return unusable(w, product, pages.VerificationLink, err)
			}
			writePage(w, http.StatusOK, pages.NotMeDone{Product: product})
			return nil
		}
		verified, err := rules.Verify(r.Context(), linkToken(r), credentials)
		if err != nil {
			return unusable(w, product, pages.VerificationLink, err)
		}
		writePage(w, http.StatusOK, pages.VerifyDone{Product: product, Already: verified == auth.VerifiedBefore})
		return nil
	}
}

type resetPageRules interface {
	resetter
	Look(ctx context.Context, token secret.String) (auth.LinkView, error)
}

// ResetPasswordPage is GET /account/reset-password/{token}. It changes nothing.
func ResetPasswordPage(product string, minLength int, rules resetPageRules) Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		return resetForm(w, r, product, minLength, rules, "")
	}
}

// ResetPasswordForm is POST /account/reset-password/{token}. A password that is refused brings the form again.
func ResetPasswordForm(product string, minLength int, door Door, rules resetPageRules) Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if _, err := door.credentials(r); err != nil {
			return err
		}
		form, err := readForm(r)
		if err != nil {
			return err
		}
		err = rules.Reset(r.Context(), linkToken(r), secret.New(form.Get("new_password")))
		if refused := fault.From(err); refused != nil && refused.Kind == fault.Invalid && len(refused.Fields) > 0 {
			return resetForm(w, r, product, minLength, rules, "The password "+refused.Fields[0].Message+".")
		}
		if err != nil {
			return unusable(w, product, pages.ResetLink, err)
		}
		writePage(w, http.StatusOK, pages.ResetDone{Product: product})
		return nil
	}
}

// resetForm shows the form, with what was wrong with what it was sent.
func resetForm(w http.ResponseWriter, r *http.Request, product string, minLength int, rules resetPageRules, wrong string) error {
	view, err := rules.Look(r.Context(), linkToken(r))
	if err != nil {
		return unusable(w, product, pages.ResetLink, err)
	}
	status := http.StatusOK
	if wrong != "" {
		status = http.StatusBadRequest
	}
	writePage(w, status, pages.ResetForm{Product: product, Username: view.Username, MinLength: minLength, Error: wrong})
	return nil
}

// unusable tells what to do about a link that does not count. Other errors stay errors.
func unusable(w http.ResponseWriter, product string, link pages.Link, err error) error {
	if !errors.Is(err, auth.ErrInvalidVerificationToken) && !errors.Is(err, auth.ErrInvalidResetToken) {
		return err
	}
	writePage(w, http.StatusForbidden, pages.Unusable{Product: product, Link: link})
	return nil
}
