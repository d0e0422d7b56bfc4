package app

import (
	"context"
	"net/http"

	"latchkey/pkg/auth"
	"latchkey/pkg/contract"
	"latchkey/pkg/dynamo"
	"latchkey/pkg/httpapi"
	"latchkey/pkg/id"
	"latchkey/pkg/lambdastream"
)

type routes = map[contract.Route]httpapi.Handler

// Register is functions/register.
func Register(p *Parts) http.Handler {
	registrar := auth.NewRegistrar(p.useStore(), p.hasher(), p.policy(), p.pairs(), p.now, p.random)
	return p.edge().Routes(routes{contract.Register: httpapi.Register(registrar)})
}

// Login is functions/login.
func Login(p *Parts) http.Handler {
	return p.edge().Routes(routes{contract.Login: httpapi.Login(p.login())})
}

// SessionLogin is functions/session-login.
func SessionLogin(p *Parts) http.Handler {
	p.warnOfOrigins()
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

// SendVerification is functions/send-verification.
func SendVerification(p *Parts) http.Handler {
	return p.edge().Routes(routes{contract.SendVerification: httpapi.SendVerification(p.mailDesk())})
}

// VerifyEmail is functions/verify-email.
func VerifyEmail(p *Parts) http.Handler {
	return p.edge().Routes(routes{contract.VerifyEmail: httpapi.VerifyEmail(p.door(), p.verifier())})
}

// ForgotPassword is functions/forgot-password.
func ForgotPassword(p *Parts) http.Handler {
	return p.edge().Routes(routes{contract.ForgotPassword: httpapi.ForgotPassword(p.mailDesk())})
}

// ResetPassword is functions/reset-password.
func ResetPassword(p *Parts) http.Handler {
	return p.edge().Routes(routes{contract.ResetPassword: httpapi.ResetPassword(p.resetter())})
}

// VerifyEmailPage is functions/verify-email-page.
func VerifyEmailPage(p *Parts) http.Handler {
	verifier, product := p.verifier(), p.cfg.ProductName
	return p.edge().Pages(product, routes{
		contract.VerifyEmailPage: httpapi.VerifyEmailPage(product, verifier),
		contract.VerifyEmailForm: httpapi.VerifyEmailForm(product, p.door(), verifier),
	})
}

// ResetPasswordPage is functions/reset-password-page.
func ResetPasswordPage(p *Parts) http.Handler {
	resetter, product, least := p.resetter(), p.cfg.ProductName, p.cfg.PasswordMinLength
	return p.edge().Pages(product, routes{
		contract.ResetPasswordPage: httpapi.ResetPasswordPage(product, least, resetter),
		contract.ResetPasswordForm: httpapi.ResetPasswordForm(product, least, p.door(), resetter),
	})
}

// Mailer is functions/mailer.
func Mailer(p *Parts) lambdastream.Handler {
	mailer := p.mailer()
	return lambdastream.Adapt(func(ctx context.Context, pk string) error {
		mailID, err := dynamo.MailID(pk)
		if err != nil {
			p.log.WarnContext(ctx, "a record of no mail", "cause", err.Error())
			return nil
		}
		return mailer.Deliver(ctx, mailID, id.New(p.random).String())
	}, p.log)
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
