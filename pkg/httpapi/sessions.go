package httpapi

import (
	"context"
	"errors"
	"net/http"

	"latchkey/pkg/fault"
	"latchkey/pkg/guard"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
)

type refreshRequest struct {
	RefreshToken secret.String `json:"refresh_token"`
}

// Validate implements request.
func (r refreshRequest) Validate() []fault.Field {
	return required(member{"refresh_token", r.RefreshToken.IsZero()})
}

type refresher interface {
	Refresh(ctx context.Context, token secret.String) (session.Pair, error)
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
	Logout(ctx context.Context, credentials session.Credentials, refresh secret.String) error
}

// Logout is POST /api/auth/logout and POST /api/auth/session/logout. A body that does not fit ends nothing, and is told only
// to who is signed in.
func Logout(door Door, rules logoutRules) Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		asked, misfit := decodeOptional[logoutRequest](r)
		if misfit != nil {
			if _, err := door.authenticate(w, r, rules); err != nil {
				return err
			}
			return misfit
		}
		credentials, err := door.credentials(r)
		if err != nil {
			return err
		}
		err = rules.Logout(r.Context(), credentials, asked.RefreshToken)
		if ended := err == nil || errors.Is(err, session.ErrAuthenticationRequired); ended && !credentials.Cookie.IsZero() {
			door.cookies.clear(w)
		}
		if err != nil {
			return err
		}
		writeJSON(w, http.StatusOK, messageBody{Message: "Successfully logged out"})
		return nil
	}
}

type cookieLoginRules interface {
	CookieLogin(ctx context.Context, asked guard.Attempt) (session, device secret.String, err error)
}

// SessionLogin is POST /api/auth/session/login. A page of another origin cannot sign its visitors in.
func SessionLogin(door Door, rules cookieLoginRules) Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := door.origins.check(r); err != nil {
			return err
		}
		asked, err := door.signIn(r)
		if err != nil {
			return err
		}
		session, device, err := rules.CookieLogin(r.Context(), asked)
		if err != nil {
			return err
		}
		door.cookies.set(w, session)
		door.devices.set(w, device)
		writeJSON(w, http.StatusOK, messageBody{Message: "Successfully logged in"})
		return nil
	}
}
