package app

import (
	"context"
	"net/http"
	"net/url"

	"latchkey/pkg/contract"
	"latchkey/pkg/fault"
	"latchkey/pkg/httpapi"
	"latchkey/pkg/maillink"
	"latchkey/pkg/outbox"
	"latchkey/pkg/pages"
	"latchkey/pkg/secret"
)

// ResetPassword is functions/reset-password.
func ResetPassword(p *Parts) http.Handler {
	p.rehearse(func(w *rehearsalData) sample {
		return sample{body: map[string]string{"token": w.link(outbox.Reset), "new_password": rehearsalPassword}}
	})
	return p.serve(resetPassword(p.resetter()))
}

// ResetPasswordPage is functions/reset-password-page. Its main passes the page renderer, so that no other function links it.
func ResetPasswordPage(render pages.Renderer) Function {
	return func(p *Parts) http.Handler {
		p.rehearse(func(w *rehearsalData) sample { return sample{segment: w.link(outbox.Reset)} })
		form := resetForm{product: p.cfg.ProductName, minLength: p.cfg.PasswordMinLength, rules: p.resetter()}
		return p.servePages(render, form.page(), form.submit())
	}
}

type resetBody struct {
	Token       secret.String `json:"token"`
	NewPassword secret.String `json:"new_password"`
}

// Validate implements [httpapi.Body].
func (b resetBody) Validate() []fault.Field {
	return httpapi.Missing(
		httpapi.Member{Key: "token", Missing: b.Token.IsZero()},
		httpapi.Member{Key: "new_password", Missing: b.NewPassword.IsZero()},
	)
}

type resetter interface {
	// Reset returns the value of the device cookie.
	Reset(ctx context.Context, token, password, device secret.String) (secret.String, error)
}

func resetPassword(rules resetter) httpapi.Endpoint {
	return httpapi.JSON(contract.ResetPassword, func(ctx context.Context, req call[resetBody]) (result[messageBody], error) {
		device, err := rules.Reset(ctx, req.Body.Token, req.Body.NewPassword, req.Device)
		if err != nil {
			return result[messageBody]{}, err
		}
		return message("Password reset successfully", httpapi.SetDevice(device)), nil
	}).FromOwnOrigins()
}

type resetPageRules interface {
	resetter
	Inspect(ctx context.Context, token secret.String) (maillink.LinkInfo, error)
}

// resetForm is the page with the form for a new password.
type resetForm struct {
	product   string
	minLength int
	rules     resetPageRules
}

// page shows the form and changes nothing.
func (f resetForm) page() httpapi.Endpoint {
	return httpapi.Page(contract.ResetPasswordPage, func(ctx context.Context, req call[unread]) (result[pages.Page], error) {
		return f.show(ctx, req.LinkToken(), "")
	})
}

// submit sets the password. A password that is refused shows the form again.
func (f resetForm) submit() httpapi.Endpoint {
	return httpapi.PageForm(contract.ResetPasswordForm, func(ctx context.Context, req call[url.Values]) (result[pages.Page], error) {
		device, err := f.rules.Reset(ctx, req.LinkToken(), secret.New(req.Body.Get("new_password")), req.Device)
		if refused := fault.From(err); refused != nil && refused.Kind == fault.Invalid && len(refused.Fields) > 0 {
			return f.show(ctx, req.LinkToken(), "The password "+refused.Fields[0].Message+".")
		}
		if err != nil {
			return unusableLink(f.product, pages.ResetLink, err)
		}
		done := page(pages.ResetDone{Product: f.product})
		done.Cookies = []httpapi.Cookie{httpapi.SetDevice(device)}
		return done, nil
	})
}

// show returns the form, with the fault of the submitted password if it has one.
func (f resetForm) show(ctx context.Context, token secret.String, wrong string) (result[pages.Page], error) {
	view, err := f.rules.Inspect(ctx, token)
	if err != nil {
		return unusableLink(f.product, pages.ResetLink, err)
	}
	response := page(pages.ResetForm{Product: f.product, Username: view.Username, MinLength: f.minLength, Error: wrong})
	if wrong != "" {
		response.Status = http.StatusBadRequest
	}
	return response, nil
}
