// Package contract is the wire contract: the OpenAPI document that describes it and the table of routes.
//
// Parity tests hold the document, the route table, the folders in functions/ and template.yaml to one another.
// The package serves nothing; package httpapi implements what is described here.
package contract

import (
	_ "embed"
	"slices"
	"strings"
)

// OpenAPI is the machine-readable form of the contract (OpenAPI 3.1, YAML).
//
//go:embed openapi.yaml
var OpenAPI []byte

// Route is a method and a path that one function serves.
type Route struct {
	Method   string
	Path     string // with {name} for one segment that varies
	Function string // its folder in functions/
}

// Key is the route as API Gateway writes it, as in "POST /api/auth/login". Logs name requests by it, since a path
// can carry a token.
func (r Route) Key() string { return r.Method + " " + r.Path }

// The routes of the API.
var (
	Register = Route{"POST", "/api/auth/register", "register"}
	Login    = Route{"POST", "/api/auth/login", "login"}
	Refresh  = Route{"POST", "/api/auth/refresh", "refresh"}
	Logout   = Route{"POST", "/api/auth/logout", "logout"}

	SessionLogin  = Route{"POST", "/api/auth/session/login", "session-login"}
	SessionLogout = Route{"POST", "/api/auth/session/logout", "session-logout"}

	OAuthStart    = Route{"GET", "/api/auth/oauth/{provider}", "oauth-start"}
	OAuthCallback = Route{"GET", "/api/auth/oauth/{provider}/callback", "oauth-callback"}

	SendVerification = Route{"POST", "/api/auth/send-verification", "send-verification"}
	VerifyEmail      = Route{"GET", "/api/auth/verify-email/{token}", "verify-email"}
	ForgotPassword   = Route{"POST", "/api/auth/forgot-password", "forgot-password"}
	ResetPassword    = Route{"POST", "/api/auth/reset-password", "reset-password"}

	// The pages behind the links in mails.
	VerifyEmailPage   = Route{"GET", "/account/verify-email/{token}", "verify-email-page"}
	VerifyEmailForm   = Route{"POST", "/account/verify-email/{token}", "verify-email-page"}
	ResetPasswordPage = Route{"GET", "/account/reset-password/{token}", "reset-password-page"}
	ResetPasswordForm = Route{"POST", "/account/reset-password/{token}", "reset-password-page"}

	Me     = Route{"POST", "/api/auth/me", "me"}
	MeGet  = Route{"GET", "/api/auth/me", "me"}
	Health = Route{"GET", "/api/auth/health", "health"}

	JWKS      = Route{"GET", "/.well-known/jwks.json", "jwks"}
	Discovery = Route{"GET", "/.well-known/openid-configuration", "openid-configuration"}
)

// Routes lists every route. Whatever fits none goes to functions/fallback.
var Routes = []Route{
	Register, Login, Refresh, Logout, SessionLogin, SessionLogout,
	OAuthStart, OAuthCallback,
	SendVerification, VerifyEmail, ForgotPassword, ResetPassword,
	VerifyEmailPage, VerifyEmailForm, ResetPasswordPage, ResetPasswordForm,
	Me, MeGet, Health, JWKS, Discovery,
}

// Unrouted names the functions that have no path of their own, with what feeds them instead.
var Unrouted = map[string]string{
	"fallback": "the $default route",
	"mailer":   "the stream of the Sessions table",

	"rotate-keys": "a schedule, and CloudFormation",
}

// Methods lists the methods that path has, sorted; none for an unknown path. A path fits as in API Gateway: segment by
// segment, with no tolerance for a slash too many.
func Methods(path string) []string {
	var methods []string
	for _, route := range Routes {
		if fits(route.Path, path) {
			methods = append(methods, route.Method)
		}
	}
	slices.Sort(methods)
	return slices.Compact(methods)
}

func fits(pattern, path string) bool {
	want, got := strings.Split(pattern, "/"), strings.Split(path, "/")
	return slices.EqualFunc(want, got, func(w, g string) bool {
		return w == g || strings.HasPrefix(w, "{") && g != ""
	})
}
