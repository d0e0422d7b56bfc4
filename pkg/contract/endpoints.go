// Package contract is the wire contract: the table of endpoints and the OpenAPI document that describes them.
//
// The table is the only place that states how an endpoint is reached, limited and authenticated. Package app serves the
// endpoints accordingly, and tests compare template.yaml, the folders in functions/, the OpenAPI document, the guide, the
// budgets, the cost rows and the fault table with it. The package itself serves nothing.
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

// Endpoint is one row of the table: a method and a path that one function serves.
type Endpoint struct {
	Method   string
	Path     string // with {name} for one segment that varies
	Function string // its folder in functions/
	Tier     Tier
	Counts   Counts
	Auth     Auth
	Serves   Format
	Hashes   bool // computes a password hash, so the function has a whole vCPU
}

// Tier is the rate limit of an endpoint.
type Tier string

// The tiers.
const (
	Unlimited Tier = "unlimited" // API Gateway's throttle only
	Medium    Tier = "medium"    // counted locally at first; let through while the store is unavailable
	Attempts  Tier = "attempts"  // password attempts: all of them counted like Medium, the failed ones exactly
	Critical  Tier = "critical"  // computes a hash, creates an account or sends a mail; counted exactly
)

// Counts names the holder of the count that a request to an endpoint adds to. It depends on the account that the endpoint acts on, so
// that owning one account never allows more requests at others.
type Counts string

// The holders of counts.
const (
	ForNobody Counts = "nobody" // an endpoint without a limit
	ForSource Counts = "source" // the source, always: the endpoint acts on another account, or on none
	ForCaller Counts = "caller" // the user of the live session, or else the session of the refresh token, or else the source
	ForOwner  Counts = "owner"  // the account, if the device or session of the request belongs to it, or else the source
)

// Auth is the use that an endpoint makes of the session credentials of a request.
type Auth string

// The uses of credentials.
const (
	Ignored  Auth = "ignored"  // credentials are not read
	Offered  Auth = "offered"  // optional: a live session only determines what an attempt counts for
	WithLink Auth = "link"     // the rule reads the session together with the mailed link, in one call
	Required Auth = "required" // without a live session the response is 401
	Ending   Auth = "ending"   // the rule ends the sessions of all credentials, including one in the body; without any, 401
)

// Format is the form of the responses of an endpoint.
type Format string

// The formats.
const (
	JSON     Format = "json"
	Page     Format = "page"     // HTML for people, errors included
	Redirect Format = "redirect" // 302; errors are JSON
)

// Key returns the route as API Gateway writes it, as in "POST /api/auth/login". Logs name requests by it, because a path can
// carry a token.
func (e Endpoint) Key() string { return e.Method + " " + e.Path }

// The table of endpoints.
var (
	Register = Endpoint{"POST", "/api/auth/register", "register", Critical, ForSource, Ignored, JSON, true}
	Login    = Endpoint{"POST", "/api/auth/login", "login", Attempts, ForOwner, Offered, JSON, true}
	Refresh  = Endpoint{"POST", "/api/auth/refresh", "refresh", Medium, ForCaller, Ignored, JSON, false}
	Logout   = Endpoint{"POST", "/api/auth/logout", "logout", Medium, ForCaller, Ending, JSON, false}

	SessionLogin  = Endpoint{"POST", "/api/auth/session/login", "session-login", Attempts, ForOwner, Offered, JSON, true}
	SessionLogout = Endpoint{"POST", "/api/auth/session/logout", "session-logout", Medium, ForCaller, Ending, JSON, false}

	Me    = Endpoint{"POST", "/api/auth/me", "me", Medium, ForCaller, Required, JSON, false}
	MeGet = Endpoint{"GET", "/api/auth/me", "me", Medium, ForCaller, Required, JSON, false}

	OAuthStart    = Endpoint{"GET", "/api/auth/oauth/{provider}", "oauth-start", Medium, ForSource, Ignored, Redirect, false}
	OAuthCallback = Endpoint{"GET", "/api/auth/oauth/{provider}/callback", "oauth-callback", Medium, ForSource, Ignored, JSON, false}

	SendVerification = Endpoint{"POST", "/api/auth/send-verification", "send-verification", Critical, ForSource, Ignored, JSON, false}
	VerifyEmail      = Endpoint{"GET", "/api/auth/verify-email/{token}", "verify-email", Medium, ForSource, WithLink, JSON, false}
	ForgotPassword   = Endpoint{"POST", "/api/auth/forgot-password", "forgot-password", Critical, ForSource, Ignored, JSON, false}
	ResetPassword    = Endpoint{"POST", "/api/auth/reset-password", "reset-password", Critical, ForSource, Ignored, JSON, true}

	// The pages behind the links in mails.
	VerifyEmailPage   = Endpoint{"GET", "/account/verify-email/{token}", "verify-email-page", Medium, ForSource, Ignored, Page, false}
	VerifyEmailForm   = Endpoint{"POST", "/account/verify-email/{token}", "verify-email-page", Critical, ForSource, WithLink, Page, false}
	ResetPasswordPage = Endpoint{"GET", "/account/reset-password/{token}", "reset-password-page", Medium, ForSource, Ignored, Page, false}
	ResetPasswordForm = Endpoint{"POST", "/account/reset-password/{token}", "reset-password-page", Critical, ForSource, WithLink, Page, true}

	Health    = Endpoint{"GET", "/api/auth/health", "health", Unlimited, ForNobody, Ignored, JSON, false}
	JWKS      = Endpoint{"GET", "/.well-known/jwks.json", "jwks", Unlimited, ForNobody, Ignored, JSON, false}
	Discovery = Endpoint{"GET", "/.well-known/openid-configuration", "openid-configuration", Unlimited, ForNobody, Ignored, JSON, false}
)

// Endpoints lists every row of the table. A test compares it with the variables above. A request that matches no row goes to
// functions/fallback.
var Endpoints = []Endpoint{
	Register, Login, Refresh, Logout, SessionLogin, SessionLogout, Me, MeGet,
	OAuthStart, OAuthCallback,
	SendVerification, VerifyEmail, ForgotPassword, ResetPassword,
	VerifyEmailPage, VerifyEmailForm, ResetPasswordPage, ResetPasswordForm,
	Health, JWKS, Discovery,
}

// Unrouted names the functions that have no path of their own, with what invokes them instead.
var Unrouted = map[string]string{
	"fallback":    "the $default route",
	"mailer":      "the stream of the Sessions table",
	"rotate-keys": "a schedule, and CloudFormation",
}

// Methods returns the methods of a path, sorted, or none for an unknown path. As in API Gateway, segments are compared exactly,
// so an additional slash never matches.
func Methods(path string) []string {
	var methods []string
	for _, endpoint := range Endpoints {
		if matches(endpoint.Path, path) {
			methods = append(methods, endpoint.Method)
		}
	}
	slices.Sort(methods)
	return slices.Compact(methods)
}

// Find returns the endpoint that a request matches.
func Find(method, path string) (Endpoint, bool) {
	for _, endpoint := range Endpoints {
		if endpoint.Method == method && matches(endpoint.Path, path) {
			return endpoint, true
		}
	}
	return Endpoint{}, false
}

func matches(pattern, path string) bool {
	want, got := strings.Split(pattern, "/"), strings.Split(path, "/")
	return slices.EqualFunc(want, got, func(w, g string) bool {
		return w == g || strings.HasPrefix(w, "{") && g != ""
	})
}
