package app

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"latchkey/pkg/contract"
	"latchkey/pkg/httpapi"
	"latchkey/pkg/maillink"
	"latchkey/pkg/outbox"
	"latchkey/pkg/pages"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
)

// VerifyEmail is functions/verify-email.
func VerifyEmail(p *Parts) http.Handler {
	p.rehearse(verificationSample)
	return p.serve(verifyEmail(p.verifier()))
}

// VerifyEmailPage is functions/verify-email-page. Its main passes the page renderer, so that no other function links it.
func VerifyEmailPage(render pages.Renderer) Function {
	return func(p *Parts) http.Handler {
		p.rehearse(verificationSample)
		rules := p.verifier()
		return p.servePages(render, verifyEmailPage(p.cfg.ProductName, rules), verifyEmailForm(p.cfg.ProductName, rules))
	}
}

func verificationSample(w *rehearsalData) sample { return sample{segment: w.link(outbox.Verification)} }

type verifier interface {
	Verify(ctx context.Context, token secret.String, credentials session.Credentials) (maillink.Verified, error)
}

func verifyEmail(rules verifier) httpapi.Endpoint {
	return httpapi.JSON(contract.VerifyEmail, func(ctx context.Context, req call[unread]) (result[messageBody], error) {
		verified, err := rules.Verify(ctx, req.LinkToken(), req.Credentials)
		if verified == maillink.VerifiedNow {
			return message("Email verified successfully"), err
		}
		return message("Email already verified"), err
	})
}

type verifyPageRules interface {
	verifier
	Inspect(ctx context.Context, token secret.String) (maillink.LinkInfo, error)
	Disown(ctx context.Context, token secret.String) error
}

// verifyEmailPage changes nothing: mail scanners follow links, but submit no forms.
func verifyEmailPage(product string, rules verifyPageRules) httpapi.Endpoint {
	return httpapi.Page(contract.VerifyEmailPage, func(ctx context.Context, req call[unread]) (result[pages.Page], error) {
		view, err := rules.Inspect(ctx, req.LinkToken())
		if err != nil {
			return unusableLink(product, pages.VerificationLink, err)
		}
		return page(pages.VerifyConfirm{Product: product, Username: view.Username, OfferNotMe: !view.Proven}), nil
	})
}

// notMe is the value of the button that disowns an account.
const notMe = "not-me"

func verifyEmailForm(product string, rules verifyPageRules) httpapi.Endpoint {
	return httpapi.PageForm(contract.VerifyEmailForm, func(ctx context.Context, req call[url.Values]) (result[pages.Page], error) {
		if req.Body.Get("action") == notMe {
			if err := rules.Disown(ctx, req.LinkToken()); err != nil {
				return unusableLink(product, pages.VerificationLink, err)
			}
			return page(pages.NotMeDone{Product: product}), nil
		}
		verified, err := rules.Verify(ctx, req.LinkToken(), req.Credentials)
		if err != nil {
			return unusableLink(product, pages.VerificationLink, err)
		}
		return page(pages.VerifyDone{Product: product, Already: verified == maillink.VerifiedBefore}), nil
	})
}

func page(content pages.Page) result[pages.Page] {
	return result[pages.Page]{Body: content}
}

// unusableLink returns the page for a link that is invalid, used or expired. It returns all other errors unchanged.
func unusableLink(product string, link pages.Link, err error) (result[pages.Page], error) {
	if !errors.Is(err, maillink.ErrInvalidVerificationToken) && !errors.Is(err, maillink.ErrInvalidResetToken) {
		return result[pages.Page]{}, err
	}
	response := page(pages.Unusable{Product: product, Link: link})
	response.Status = http.StatusForbidden
	return response, nil
}
