package main

import (
	"context"
	"net/http"

	"latchkey/pkg/contract"
)

// row is a kind of request whose cost is shown.
type row struct {
	name    string
	routes  []contract.Endpoint // that it stands for
	folder  string              // of the function
	status  int                 // of its answer
	lines   int                 // that the function logs of each
	prepare func(context.Context, *rig) (request, error)
}

func of(name string, status int, prepare func(context.Context, *rig) (request, error), routes ...contract.Endpoint) row {
	return row{name: name, routes: routes, folder: routes[0].Function, status: status, lines: 1, prepare: prepare}
}

// honest are the requests of people who mean well, every endpoint among them.
var honest = []row{
	of("register", http.StatusCreated, register, contract.Register),
	of("login", http.StatusOK, loginTo(contract.Login), contract.Login),
	of("session/login", http.StatusOK, loginTo(contract.SessionLogin), contract.SessionLogin),
	of("refresh", http.StatusOK, refresh, contract.Refresh),
	of("me", http.StatusOK, withBearer(contract.Me), contract.Me, contract.MeGet),
	of("me, by cookie", http.StatusOK, withCookie(contract.Me), contract.Me),
	of("logout", http.StatusOK, withBearer(contract.Logout), contract.Logout),
	of("session/logout", http.StatusOK, withCookie(contract.SessionLogout), contract.SessionLogout),
	of("oauth start", http.StatusFound, oauthStart, contract.OAuthStart),
	of("oauth callback, new account", http.StatusOK, oauthCallback(newcomer), contract.OAuthCallback),
	of("oauth callback, known identity", http.StatusOK, oauthCallback(regular), contract.OAuthCallback),
	of("send-verification", http.StatusCreated, askMail(contract.SendVerification), contract.SendVerification),
	of("forgot-password", http.StatusCreated, askMail(contract.ForgotPassword), contract.ForgotPassword),
	of("verify-email", http.StatusOK, useLink(contract.VerifyEmail, verificationLink), contract.VerifyEmail),
	of("verify-email, page", http.StatusOK, useLink(contract.VerifyEmailPage, verificationLink), contract.VerifyEmailPage),
	of("verify-email, its button", http.StatusOK, pressButton(contract.VerifyEmailForm, verificationLink, "action=verify"),
		contract.VerifyEmailForm),
	of("reset-password", http.StatusOK, resetPassword, contract.ResetPassword),
	of("reset-password, page", http.StatusOK, useLink(contract.ResetPasswordPage, resetLink), contract.ResetPasswordPage),
	of("reset-password, its button", http.StatusOK, pressButton(contract.ResetPasswordForm, resetLink, "new_password="+another),
		contract.ResetPasswordForm),
	of("jwks", http.StatusOK, plain(contract.JWKS), contract.JWKS),
	of("openid-configuration", http.StatusOK, plain(contract.Discovery), contract.Discovery),
	of("health", http.StatusOK, plain(contract.Health), contract.Health),
}

// hostile are the requests of people who do not, by where they end.
var hostile = []row{
	of("login, wrong password: hashed", http.StatusForbidden, guess(contract.Login), contract.Login),
	of("login, unknown name: hashed", http.StatusForbidden, guessNobody, contract.Login),
	of("session/login, wrong password: hashed", http.StatusForbidden, guess(contract.SessionLogin), contract.SessionLogin),
	of("login, a sixth wrong password: before the hash", http.StatusTooManyRequests, guessAgain, contract.Login),
	of("register, name taken: before the hash", http.StatusForbidden, registerAgain, contract.Register),
	of("reset-password, forged token: counted only", http.StatusForbidden, forgedReset, contract.ResetPassword),
	of("login, no JSON: counted only", http.StatusBadRequest, malformed(contract.Login), contract.Login),
	of("me, forged token: counted only", http.StatusUnauthorized, forgedBearer, contract.Me),
	of("refresh, forged token: counted only", http.StatusForbidden, forgedRefresh, contract.Refresh),
	of("refresh, token used before", http.StatusForbidden, usedBefore, contract.Refresh),
	of("forgot-password, unknown address", http.StatusCreated, forgotNobody, contract.ForgotPassword),
	{name: "no such path", folder: "fallback", status: http.StatusNotFound, lines: 1, prepare: nowhere},
}

// floods are requests beyond the rate of one address, with the limits of a deployed stack.
var floods = []row{
	of("login, beyond the rate: in the container", http.StatusTooManyRequests, beyondRate(contract.Login), contract.Login),
}

// mail is what the mailer does for one mail. Lambda calls it for up to ten at once; here each is a call of its own.
const (
	mail   = "mail"
	mailer = "mailer" // its function, the only one that nobody calls by HTTP
)
