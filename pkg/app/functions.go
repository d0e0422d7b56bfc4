package app

import (
	"net/http"

	"latchkey/pkg/auth"
	"latchkey/pkg/contract"
	"latchkey/pkg/httpapi"
	"latchkey/pkg/password"
)

type routes = map[contract.Route]httpapi.Handler

// Register is functions/register.
func Register(p *Parts) http.Handler {
	policy := password.Policy{MinLength: p.cfg.PasswordMinLength}
	registrar := auth.NewRegistrar(p.useStore(), p.hasher(), policy, p.pairs(), p.cfg.VerificationToken, p.now, p.random)
	return p.edge().Routes(routes{contract.Register: httpapi.Register(registrar)})
}

// Login is functions/login.
func Login(p *Parts) http.Handler {
	return p.edge().Routes(routes{contract.Login: httpapi.Login(p.login())})
}

// SessionLogin is functions/session-login.
func SessionLogin(p *Parts) http.Handler {
	return p.edge().Routes(routes{contract.SessionLogin: httpapi.SessionLogin(p.door(), p.login())})
}

// Refresh is functions/refresh.
func Refresh(p *Parts) http.Handler {
	refresher := auth.NewRefresher(p.useStore(), p.useKeys(), p.pairs(), p.log)
	return p.edge().Routes(routes{contract.Refresh: httpapi.Refresh(refresher)})
}

// Logout is functions/logout.
func Logout(p *Parts) http.Handler {
	return p.edge().Routes(routes{contract.Logout: httpapi.Logout(p.door(), p.logout())})
}

// SessionLogout is functions/session-logout.
func SessionLogout(p *Parts) http.Handler {
	return p.edge().Routes(routes{contract.SessionLogout: httpapi.Logout(p.door(), p.logout())})
}

// JWKS is functions/jwks.
func JWKS(p *Parts) http.Handler {
	return p.edge().Routes(routes{contract.JWKS: httpapi.JWKS(p.useKeys().PublicJWKS())})
}

// Discovery is functions/openid-configuration.
func Discovery(p *Parts) http.Handler {
	return p.edge().Routes(routes{contract.Discovery: httpapi.Discovery(p.cfg.PublicURL, p.cfg.SigningAlgorithm)})
}

// Me is functions/me.
func Me(p *Parts) http.Handler {
	me := httpapi.Me(p.door(), p.authenticator())
	return p.edge().Routes(routes{contract.Me: me, contract.MeGet: me})
}

// Health is functions/health.
func Health(p *Parts) http.Handler {
	return p.edge().Routes(routes{contract.Health: httpapi.Health(p.useStore(), Version)})
}

// Fallback is functions/fallback: whatever fits no route.
func Fallback(p *Parts) http.Handler { return p.edge().Fallback() }
