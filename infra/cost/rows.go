package main

import (
	"net/http"

	"latchkey/pkg/contract"
)

// row is a kind of request in the table of costs.
type row struct {
	name      string
	endpoints []contract.Endpoint // that the row represents
	folder    string              // of the function
	status    int                 // of the response
	lines     int                 // that the function logs for each request
	prepare   preparer
}

func of(name string, status int, prepare preparer, endpoints ...contract.Endpoint) row {
	return row{name: name, endpoints: endpoints, folder: endpoints[0].Function, status: status, lines: 1, prepare: prepare}
}

// honest contains the requests of regular clients, with every endpoint among them.
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
	of("oauth callback, new account", http.StatusOK, oauthCallback(newIdentity), contract.OAuthCallback),
	of("oauth callback, known identity", http.StatusOK, oauthCallback(knownIdentity), contract.OAuthCallback),
	of("send-verification", http.StatusCreated, requestMail(contract.SendVerification), contract.SendVerification),
	of("forgot-password", http.StatusCreated, requestMail(contract.ForgotPassword), contract.ForgotPassword),
	of("verify-email", http.StatusOK, openLink(contract.VerifyEmail, verificationToken), contract.VerifyEmail),
	of("verify-email, page", http.StatusOK, openLink(contract.VerifyEmailPage, verificationToken), contract.VerifyEmailPage),
	of("verify-email, its button", http.StatusOK, submitForm(contract.VerifyEmailForm, verificationToken, "action=verify"),
		contract.VerifyEmailForm),
	of("reset-password", http.StatusOK, resetPassword, contract.ResetPassword),
	of("reset-password, page", http.StatusOK, openLink(contract.ResetPasswordPage, resetToken), contract.ResetPasswordPage),
	of("reset-password, its button", http.StatusOK, submitForm(contract.ResetPasswordForm, resetToken, "new_password="+newPassword),
		contract.ResetPasswordForm),
	of("jwks", http.StatusOK, plain(contract.JWKS), contract.JWKS),
	of("openid-configuration", http.StatusOK, plain(contract.Discovery), contract.Discovery),
	of("health", http.StatusOK, plain(contract.Health), contract.Health),
}

// hostile contains the requests of attackers. The names say where the functions refuse them.
var hostile = []row{
	of("login, wrong password: hashed", http.StatusForbidden, guess(contract.Login), contract.Login),
	of("login, unknown name: hashed", http.StatusForbidden, guessUnknown, contract.Login),
	of("session/login, wrong password: hashed", http.StatusForbidden, guess(contract.SessionLogin), contract.SessionLogin),
	of("login, a sixth wrong password: before the hash", http.StatusTooManyRequests, delayedGuess, contract.Login),
	of("register, name taken: before the hash", http.StatusForbidden, registerAgain, contract.Register),
	of("reset-password, forged token: counted only", http.StatusForbidden, forgedReset, contract.ResetPassword),
	of("login, no JSON: counted only", http.StatusBadRequest, malformed(contract.Login), contract.Login),
	of("me, forged token: counted only", http.StatusUnauthorized, forgedBearer, contract.Me),
	of("refresh, forged token: counted only", http.StatusForbidden, forgedRefresh, contract.Refresh),
	of("refresh, token used before", http.StatusForbidden, reusedRefresh, contract.Refresh),
	of("forgot-password, unknown address", http.StatusCreated, forgotUnknown, contract.ForgotPassword),
	{name: "no such path", folder: "fallback", status: http.StatusNotFound, lines: 1, prepare: unknownPath},
}

// floods contains requests over the limit of an address. They are measured with the limits of a deployed stack.
var floods = []row{
	of("login, beyond the rate: in the container", http.StatusTooManyRequests, overTheLimit(contract.Login), contract.Login),
}

// mail is the row of the work for one mail. Lambda invokes the mailer for up to ten mails at once. Here, each mail is one invocation.
const (
	mail   = "mail"
	mailer = "mailer" // the folder of its function, the only one without an endpoint that is measured
)
