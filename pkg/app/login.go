package app

import (
	"context"
	"net/http"

	"latchkey/pkg/account"
	"latchkey/pkg/contract"
	"latchkey/pkg/fault"
	"latchkey/pkg/guard"
	"latchkey/pkg/httpapi"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
)

// Login is functions/login.
func Login(p *Parts) http.Handler { return p.serve(login(p.login())) }

// SessionLogin is functions/session-login.
func SessionLogin(p *Parts) http.Handler {
	p.warnOfOrigins()
	return p.serve(sessionLogin(p.login()))
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

// RateSubject returns the canonical login name.
func (b loginBody) RateSubject() string { return account.ParseLoginName(b.Username).Canonical }

// attempt returns the login attempt of a request.
func attempt(req call[loginBody]) guard.Attempt {
	return guard.Attempt{
		Name: req.Body.Username, Password: req.Body.Password, Device: req.Device, Principals: req.Sessions.Live(),
	}
}

type loginRules interface {
	Login(ctx context.Context, attempt guard.Attempt) (pair session.Pair, device secret.String, err error)
}

func login(rules loginRules) httpapi.Endpoint {
	return httpapi.JSON(contract.Login, func(ctx context.Context, req call[loginBody]) (result[tokensBody], error) {
		pair, device, err := rules.Login(ctx, attempt(req))
		if err != nil {
			return result[tokensBody]{}, err
		}
		return tokens(http.StatusOK, pair, httpapi.SetDevice(device)), nil
	})
}

type cookieLoginRules interface {
	CookieLogin(ctx context.Context, attempt guard.Attempt) (session, device secret.String, err error)
}

func sessionLogin(rules cookieLoginRules) httpapi.Endpoint {
	return httpapi.JSON(contract.SessionLogin, func(ctx context.Context, req call[loginBody]) (result[messageBody], error) {
		session, device, err := rules.CookieLogin(ctx, attempt(req))
		if err != nil {
			return result[messageBody]{}, err
		}
		return message("Successfully logged in", httpapi.SetSession(session), httpapi.SetDevice(device)), nil
	}).FromOwnOrigins()
}
