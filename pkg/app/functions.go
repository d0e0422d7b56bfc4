package app

import (
	"context"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"

	"latchkey/pkg/clock"
	"latchkey/pkg/config"
	"latchkey/pkg/contract"
	"latchkey/pkg/dynamo"
	"latchkey/pkg/httpapi"
	"latchkey/pkg/id"
	"latchkey/pkg/lambdastream"
	"latchkey/pkg/outbox"
	"latchkey/pkg/pages"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
	"latchkey/pkg/signin"
	"latchkey/pkg/signup"
)

type routes = map[contract.Route]httpapi.Handler

// Register is functions/register.
func Register(p *Parts) http.Handler {
	registrar := signup.NewRegistrar(p.useStore(), p.hasher(), p.policy(), p.pairs(), p.now, p.random)
	register := httpapi.Register(registrar)
	if p.cfg.RegisterNeutral {
		register = httpapi.RegisterNeutral(signup.NewNeutralRegistrar(registrar, p.useStore()))
	}
	return p.edge().Routes(routes{contract.Register: p.limits().CriticalFor(httpapi.ByEmail, register)})
}

// Login is functions/login.
func Login(p *Parts) http.Handler {
	return p.edge().Routes(routes{contract.Login: p.limits().CriticalFor(httpapi.ByUsername, httpapi.Login(p.door(), p.login()))})
}

// SessionLogin is functions/session-login.
func SessionLogin(p *Parts) http.Handler {
	p.warnOfOrigins()
	signIn := httpapi.SessionLogin(p.door(), p.login())
	return p.edge().Routes(routes{contract.SessionLogin: p.limits().CriticalFor(httpapi.ByUsername, signIn)})
}

// Refresh is functions/refresh.
func Refresh(p *Parts) http.Handler {
	refresher := session.NewRefresher(p.useStore(), p.useKeys(), p.pairs(), p.log)
	return p.edge().Routes(routes{contract.Refresh: p.limits().Medium(httpapi.Refresh(refresher))})
}

// Logout is functions/logout.
func Logout(p *Parts) http.Handler {
	return p.edge().Routes(routes{contract.Logout: p.limits().Medium(httpapi.Logout(p.door(), p.logout()))})
}

// SessionLogout is functions/session-logout.
func SessionLogout(p *Parts) http.Handler {
	return p.edge().Routes(routes{contract.SessionLogout: p.limits().Medium(httpapi.Logout(p.door(), p.logout()))})
}

// NewProviders makes the providers that people sign in by, which read their secrets as parameters of Systems Manager. The mains of
// the two functions bring it, so that no other function links what speaks to them.
type NewProviders func(
	config.Config, func(ctx context.Context, parameter string) (secret.String, error), clock.Clock,
) signin.IdentityProviders

// OAuthStart is functions/oauth-start.
func OAuthStart(newProviders NewProviders) Function {
	return func(p *Parts) http.Handler {
		start := httpapi.OAuthStart(p.bindings(), p.oauth(newProviders))
		return p.edge().Routes(routes{contract.OAuthStart: p.limits().WithoutSessions().Medium(start)})
	}
}

// OAuthCallback is functions/oauth-callback.
func OAuthCallback(newProviders NewProviders) Function {
	return func(p *Parts) http.Handler {
		finish := httpapi.OAuthCallback(p.bindings(), httpapi.DeviceCookies(p.cfg.HTTPS()), p.oauth(newProviders))
		return p.edge().Routes(routes{contract.OAuthCallback: p.limits().WithoutSessions().Medium(finish)})
	}
}

// SendVerification is functions/send-verification.
func SendVerification(p *Parts) http.Handler {
	ask := httpapi.SendVerification(p.mailDesk())
	return p.edge().Routes(routes{contract.SendVerification: p.limits().CriticalFor(httpapi.ByEmail, ask)})
}

// VerifyEmail is functions/verify-email.
func VerifyEmail(p *Parts) http.Handler {
	return p.edge().Routes(routes{contract.VerifyEmail: p.limits().WithoutSessions().Medium(httpapi.VerifyEmail(p.door(), p.verifier()))})
}

// ForgotPassword is functions/forgot-password.
func ForgotPassword(p *Parts) http.Handler {
	ask := httpapi.ForgotPassword(p.mailDesk())
	return p.edge().Routes(routes{contract.ForgotPassword: p.limits().CriticalFor(httpapi.ByEmail, ask)})
}

// ResetPassword is functions/reset-password.
func ResetPassword(p *Parts) http.Handler {
	return p.edge().Routes(routes{contract.ResetPassword: p.limits().Critical(httpapi.ResetPassword(p.door(), p.resetter()))})
}

// VerifyEmailPage is functions/verify-email-page. Its main brings what writes pages, so that no other function links it.
func VerifyEmailPage(render pages.Renderer) Function {
	return func(p *Parts) http.Handler {
		verifier, press := p.verifier(), httpapi.NewPress(p.cfg.ProductName, render)
		limits := p.limits().WithoutSessions()
		return p.edge().Pages(press, routes{
			contract.VerifyEmailPage: limits.Medium(httpapi.VerifyEmailPage(press, verifier)),
			contract.VerifyEmailForm: limits.Critical(httpapi.VerifyEmailForm(press, p.door(), verifier)),
		})
	}
}

// ResetPasswordPage is functions/reset-password-page, likewise.
func ResetPasswordPage(render pages.Renderer) Function {
	return func(p *Parts) http.Handler {
		resetter, press := p.resetter(), httpapi.NewPress(p.cfg.ProductName, render)
		limits := p.limits().WithoutSessions()
		return p.edge().Pages(press, routes{
			contract.ResetPasswordPage: limits.Medium(httpapi.ResetPasswordPage(press, p.cfg.PasswordMinLength, resetter)),
			contract.ResetPasswordForm: limits.Critical(httpapi.ResetPasswordForm(press, p.cfg.PasswordMinLength, p.door(), resetter)),
		})
	}
}

// Mailer is functions/mailer. Its main brings what sends mail, so that no other function links it.
func Mailer[S outbox.Sender](newSender func(config.Config, aws.CredentialsProvider) (S, error)) StreamFunction {
	return func(p *Parts) lambdastream.Handler {
		sender, err := newSender(p.cfg, p.credentials())
		p.note(err)
		limits := outbox.Limits{PerHour: p.cfg.MailPerHour, Repeat: p.cfg.MailRepeat}
		lives := outbox.Lifetimes{Verification: p.cfg.VerificationToken, Reset: p.cfg.ResetToken}
		mailer := outbox.NewMailer(p.useStore(), sender, p.useKeys(), limits, lives, p.now, p.log)
		return lambdastream.Adapt(func(ctx context.Context, pk string) error {
			mailID, err := dynamo.MailID(pk)
			if err != nil {
				p.log.WarnContext(ctx, "a record of no mail", "cause", err.Error())
				return nil
			}
			return mailer.Deliver(ctx, mailID, id.New(p.random).String())
		}, p.log)
	}
}

// JWKS is functions/jwks.
func JWKS(p *Parts) http.Handler {
	return p.edge().Routes(routes{contract.JWKS: httpapi.JWKS(p.useKeys().PublicJWKS)})
}

// Discovery is functions/openid-configuration.
func Discovery(p *Parts) http.Handler {
	return p.edge().Routes(routes{contract.Discovery: httpapi.Discovery(p.cfg.PublicURL, p.cfg.SigningAlgorithm)})
}

// Me is functions/me.
func Me(p *Parts) http.Handler {
	me := p.limits().Medium(httpapi.Me(p.door(), p.authenticator()))
	return p.edge().Routes(routes{contract.Me: me, contract.MeGet: me})
}

// Health is functions/health.
func Health(p *Parts) http.Handler {
	return p.edge().Routes(routes{contract.Health: httpapi.Health(p.useStore(), Version)})
}

// Fallback is functions/fallback: whatever fits no route.
func Fallback(p *Parts) http.Handler { return p.edge().Fallback() }
