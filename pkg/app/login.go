package app

import (
	"context"
	"net/http"

	"latchkey/pkg/contract"
	"latchkey/pkg/fault"
	"latchkey/pkg/guard"
	"latchkey/pkg/httpapi"
	"latchkey/pkg/secret"
	"latchkey/pkg/signin"
)

// Login is functions/login.
func Login(p *Parts) http.Handler {
	p.rehearse(loginSample)
	return p.serve(login(p.login()))
}

// SessionLogin is functions/session-login.
func SessionLogin(p *Parts) http.Handler {
	p.warnOfOrigins()
	p.rehearse(loginSample)
	return p.serve(sessionLogin(p.login()))
}

func loginSample(w *rehearsalData) sample {
	return sample{body: map[string]string{"username": rehearsalUsername, "password": w.password()}}
}

type loginBody struct {
	Username string        `json:"username"`
	Password secret.String `json:"password"`
}

// Validate implements [httpapi.Body].
func (b loginBody) Validate() []fault.Field {
	return httpapi.Missing(
		httpapi.Member{Key: "username", Missing: b.Username == ""},
		httpapi.Member{Key: "password", Missing: b.Password.IsZero()},
	)
}

// attempt returns the login attempt of a request.
func attempt(req call[loginBody]) guard.Attempt {
	return guard.Attempt{
		Name: req.Body.Username, Password: req.Body.Password, Source: req.Source, Device: req.Device, Principals: req.Sessions.Live(),
	}
}

type loginRules interface {
	Login(ctx context.Context, attempt guard.Attempt) (signin.SignedIn, error)
}

func login(rules loginRules) httpapi.Endpoint {
	return httpapi.JSON(contract.Login, func(ctx context.Context, req call[loginBody]) (result[tokensBody], error) {
		signedIn, err := rules.Login(ctx, attempt(req))
		response := result[tokensBody]{}
		if err == nil {
			response = tokens(http.StatusOK, signedIn.Pair, httpapi.SetDevice(signedIn.Device))
		}
		response.Standing = signedIn.Standing
		return response, err
	}).FromOwnOrigins()
}

type cookieLoginRules interface {
	CookieLogin(ctx context.Context, attempt guard.Attempt) (signin.SignedIn, error)
}

func sessionLogin(rules cookieLoginRules) httpapi.Endpoint {
	return httpapi.JSON(contract.SessionLogin, func(ctx context.Context, req call[loginBody]) (result[messageBody], error) {
		signedIn, err := rules.CookieLogin(ctx, attempt(req))
		response := result[messageBody]{}
		if err == nil {
			response = message("Successfully logged in", httpapi.SetSession(signedIn.Cookie), httpapi.SetDevice(signedIn.Device))
		}
		response.Standing = signedIn.Standing
		return response, err
	}).FromOwnOrigins()
}
