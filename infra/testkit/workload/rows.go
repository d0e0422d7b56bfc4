package workload

import (
	"net/http"

	"latchkey/pkg/contract"
)

// Row is a kind of request.
type Row struct {
	Name      string
	Endpoints []contract.Endpoint // that the row represents
	Folder    string              // of the function
	Status    int                 // of the response
	Lines     int                 // that the function logs for each request
	Mailed    bool                // each request needs a mailed link, which takes several times as long to prepare
	ByMinute  bool                // the response depends on what the address did in the same minute of the clock

	prepare preparer
}

func of(name string, status int, prepare preparer, endpoints ...contract.Endpoint) Row {
	return Row{Name: name, Endpoints: endpoints, Folder: endpoints[0].Function, Status: status, Lines: 1, prepare: prepare}
}

// byLink returns a row of requests that need a mailed link.
func byLink(name string, prepare preparer, endpoint contract.Endpoint) Row {
	row := of(name, http.StatusOK, prepare, endpoint)
	row.Mailed = true
	return row
}

// afterMany returns a row of requests from an address that is over a limit of the minute.
func afterMany(name string, prepare preparer, endpoint contract.Endpoint) Row {
	row := of(name, http.StatusTooManyRequests, prepare, endpoint)
	row.ByMinute = true
	return row
}

// Honest contains the requests of regular clients, with every endpoint among them.
var Honest = []Row{
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
	byLink("verify-email", openLink(contract.VerifyEmail, verificationToken), contract.VerifyEmail),
	byLink("verify-email, page", openLink(contract.VerifyEmailPage, verificationToken), contract.VerifyEmailPage),
	byLink("verify-email, its button", submitForm(contract.VerifyEmailForm, verificationToken, "action=verify"), contract.VerifyEmailForm),
	byLink("reset-password", resetPassword, contract.ResetPassword),
	byLink("reset-password, page", openLink(contract.ResetPasswordPage, resetToken), contract.ResetPasswordPage),
	byLink("reset-password, its button", submitForm(contract.ResetPasswordForm, resetToken, "new_password="+newPassword),
		contract.ResetPasswordForm),
	of("jwks", http.StatusOK, plain(contract.JWKS), contract.JWKS),
	of("openid-configuration", http.StatusOK, plain(contract.Discovery), contract.Discovery),
	of("health", http.StatusOK, plain(contract.Health), contract.Health),
}

// Hostile contains the requests of attackers. The names say where the functions refuse them.
var Hostile = []Row{
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
	{Name: "no such path", Folder: "fallback", Status: http.StatusNotFound, Lines: 1, prepare: unknownPath},
}

// Floods contains requests over the limit of an address.
var Floods = []Row{
	afterMany("login, beyond the failures of an address: hashed", overTheFailures, contract.Login),
	afterMany("login, no JSON, beyond the rate: in the container", overTheRate, contract.Login),
}
