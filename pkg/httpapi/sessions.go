package httpapi

import (
	"context"
	"net/http"

	"latchkey/pkg/auth"
	"latchkey/pkg/fault"
	"latchkey/pkg/secret"
)

type refreshRequest struct {
	RefreshToken secret.String `json:"refresh_token"`
}

// Validate implements request.
func (r refreshRequest) Validate() []fault.Field {
	return required(member{"refresh_token", r.RefreshToken.IsZero()})
}

type refresher interface {
	Refresh(ctx context.Context, token secret.String) (auth.Pair, error)
}

// Refresh is POST /api/auth/refresh.
func Refresh(rules refresher) Handler {
	return serveJSON(http.StatusOK, func(ctx context.Context, asked refreshRequest) (tokensBody, error) {
		pair, err := rules.Refresh(ctx, asked.RefreshToken)
		return newTokensBody(pair), err
	})
}

// messageBody tells a person what was done.
type messageBody struct {
	Message string `json:"message"`
}

// logoutRequest is the body of a logout, which may be left out.
type logoutRequest struct {
	RefreshToken secret.String `json:"refresh_token"`
}

// Validate implements request.
func (logoutRequest) Validate() []fault.Field { return nil }

type logoutRules interface {
	authenticator
	Logout(ctx context.Context, credentials auth.Credentials, refresh secret.String) error
}

// Logout is POST /api/auth/logout. A body that does not fit ends nothing, and is told only to who is signed in.
func Logout(rules logoutRules) Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		asked, misfit := decodeOptional[logoutRequest](r)
		if misfit != nil {
			if _, err := rules.Authenticate(r.Context(), credentials(r)); err != nil {
				return err
			}
			return misfit
		}
		if err := rules.Logout(r.Context(), credentials(r), asked.RefreshToken); err != nil {
			return err
		}
		writeJSON(w, http.StatusOK, messageBody{Message: "Successfully logged out"})
		return nil
	}
}
