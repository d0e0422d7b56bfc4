package app

import (
	"context"
	"errors"
	"net/http"

	"latchkey/pkg/contract"
	"latchkey/pkg/fault"
	"latchkey/pkg/httpapi"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
)

// Logout is functions/logout.
func Logout(p *Parts) http.Handler { return p.serve(logout(contract.Logout, p.logout())) }

// SessionLogout is functions/session-logout.
func SessionLogout(p *Parts) http.Handler { return p.serve(logout(contract.SessionLogout, p.logout())) }

// logoutBody is the body of a logout, which may be absent.
type logoutBody struct {
	RefreshToken secret.String `json:"refresh_token"`
}

// Validate implements [httpapi.Body].
func (logoutBody) Validate() []fault.Field { return nil }

// BodyOptional marks the body as optional.
func (logoutBody) BodyOptional() {}

// Refresh returns the token. Without other credentials, the request counts for the session of the token.
func (b logoutBody) Refresh() secret.String { return b.RefreshToken }

type logoutRules interface {
	Logout(ctx context.Context, request session.Resolution, refresh secret.String) error
}

func logout(row contract.Endpoint, rules logoutRules) httpapi.Endpoint {
	return httpapi.JSON(row, func(ctx context.Context, req call[logoutBody]) (result[messageBody], error) {
		err := rules.Logout(ctx, req.Sessions, req.Body.RefreshToken)
		response := message("Successfully logged out")
		ended := err == nil || errors.Is(err, session.ErrAuthenticationRequired)
		if ended && !req.Credentials.Cookie.IsZero() {
			response.Cookies = []httpapi.Cookie{httpapi.ClearSession}
		}
		return response, err
	})
}
