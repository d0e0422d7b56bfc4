package app

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"latchkey/pkg/clock"
	"latchkey/pkg/config"
	"latchkey/pkg/contract"
	"latchkey/pkg/dynamo"
	"latchkey/pkg/guard"
	"latchkey/pkg/httpapi"
	"latchkey/pkg/keyring"
	"latchkey/pkg/lambdahttp"
	"latchkey/pkg/limit"
	"latchkey/pkg/maillink"
	"latchkey/pkg/outbox"
	"latchkey/pkg/pages"
	"latchkey/pkg/password"
	"latchkey/pkg/session"
	"latchkey/pkg/signin"
	"latchkey/pkg/ssm"
)

// Parts holds the components of a function. Each is created on first use, so that INIT creates only what the function needs.
type Parts struct {
	cfg    config.Config
	log    *slog.Logger
	now    clock.Clock
	random io.Reader

	transport http.RoundTripper // of the store; nil for the network
	hashing   password.Params   // of new password hashes

	store   *dynamo.Store
	keys    *keyring.Ring
	limiter *limit.Limiter
	sources *httpapi.Sources

	mu     sync.Mutex // guards the fields below, which open uses concurrently
	ssm    *ssm.Client
	faults []error

	first  contract.Endpoint           // the first endpoint; zero for a function without one
	sample func(*rehearsalData) sample // nil for a request that follows from the row of first
}

func newParts(getenv func(string) string, logs io.Writer, now clock.Clock, random io.Reader) *Parts {
	cfg, err := config.Read(getenv)
	parts := &Parts{
		cfg:    cfg,
		log:    newLogger(logs, cfg),
		now:    now,
		random: random,

		hashing: password.Current,
	}
	parts.note(err)
	return parts
}

// newLogger returns the logger of a function. Lambda reads the members timestamp (RFC 3339) and level of each line, and would add a
// timestamp of its own to a line without one. All functions of a stack share one log group, so a line names its function.
func newLogger(logs io.Writer, cfg config.Config) *slog.Logger {
	options := &slog.HandlerOptions{Level: cfg.LogLevel, ReplaceAttr: func(groups []string, attr slog.Attr) slog.Attr {
		if attr.Key == slog.TimeKey && len(groups) == 0 && attr.Value.Kind() == slog.KindTime {
			return slog.Time("timestamp", attr.Value.Time().UTC().Truncate(time.Millisecond))
		}
		return attr
	}}
	return slog.New(slog.NewJSONHandler(logs, options)).With("function", cfg.Function)
}

// note records a fault with which the function does not start.
func (p *Parts) note(err error) {
	if err != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.faults = append(p.faults, err)
	}
}

func (p *Parts) err() error { return errors.Join(p.faults...) }

// serve returns the handler of a function that serves the endpoints.
func (p *Parts) serve(endpoints ...httpapi.Endpoint) http.Handler {
	return p.server(nil, endpoints...).Handler(endpoints...)
}

// servePages is serve for a function that serves pages.
func (p *Parts) servePages(render pages.Renderer, endpoints ...httpapi.Endpoint) http.Handler {
	return p.server(render, endpoints...).Handler(endpoints...)
}

// Fallback is functions/fallback: it serves requests that match no endpoint.
func Fallback(p *Parts) http.Handler {
	p.rehearse(func(*rehearsalData) sample { return sample{status: http.StatusNotFound} })
	return p.server(nil).Fallback()
}

// server returns a server with the components that the endpoints need. A function whose endpoints ignore credentials and have no
// rate limit needs neither keys nor the store for them.
func (p *Parts) server(render pages.Renderer, endpoints ...httpapi.Endpoint) *httpapi.Server {
	options := httpapi.Options{
		Log: p.log, Now: p.now, RequestID: lambdahttp.RequestID, HTTPS: p.cfg.HTTPS(),
		Cookies: p.cookieSet(), Pages: httpapi.NewPageRenderer(p.cfg.ProductName, render),
	}
	if len(endpoints) > 0 {
		p.first = endpoints[0].Endpoint
	}
	some := func(need func(contract.Endpoint) bool) bool {
		return slices.ContainsFunc(endpoints, func(e httpapi.Endpoint) bool { return need(e.Endpoint) })
	}
	if some(func(e contract.Endpoint) bool { return e.Auth != contract.Ignored }) {
		options.Sessions = p.authenticator()
	}
	if some(func(e contract.Endpoint) bool { return e.Method != http.MethodGet }) {
		options.Origins = p.origins()
	}
	if some(func(e contract.Endpoint) bool { return e.Tier != contract.Unlimited }) {
		options.Limits = p.limits()
	}
	if some(func(e contract.Endpoint) bool { return e.Counts == contract.ForCaller }) {
		options.Limits = options.Limits.WithRefreshTokens(p.useKeys())
	}
	return httpapi.NewServer(options)
}

func (p *Parts) cookieSet() httpapi.CookieSet {
	https := p.cfg.HTTPS()
	return httpapi.CookieSet{
		Session: httpapi.SessionCookies(https, p.cfg.SessionIdle),
		Device:  httpapi.DeviceCookies(https),
		Binding: httpapi.BindingCookies(https, p.cfg.OAuth.FlowLife),
	}
}

// useStore returns the store. The SDK's own configuration loader is not used, because it searches for files that do not exist in Lambda.
func (p *Parts) useStore() *dynamo.Store {
	if p.store == nil {
		p.store = dynamo.New(dynamo.Options{
			UsersTable:    p.cfg.UsersTable,
			SessionsTable: p.cfg.SessionsTable,
			Region:        p.cfg.Region,
			Endpoint:      p.cfg.DynamoDBEndpoint,
			Credentials:   p.credentials(),
			Random:        p.random,
			Transport:     p.transport,
		})
	}
	return p.store
}

// credentials returns the credentials that Lambda puts into the environment. They stay valid for the life of the container.
func (p *Parts) credentials() aws.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider(
		p.cfg.AccessKeyID, p.cfg.SecretAccessKey.Reveal(), p.cfg.SessionToken.Reveal(),
	)
}

func (p *Parts) authority() *keyring.Authority {
	return keyring.NewAuthority(p.useKeys(), p.cfg.PublicURL, p.cfg.TokenAudience)
}

func (p *Parts) lifetimes() session.Lifetimes {
	return session.Lifetimes{
		Access:     p.cfg.AccessToken,
		Refresh:    p.cfg.RefreshToken,
		Grace:      p.cfg.RefreshGrace,
		SessionMax: p.cfg.SessionMax,

		CookieIdle:     p.cfg.SessionIdle,
		CookieAbsolute: p.cfg.SessionAbsolute,
	}
}

func (p *Parts) pairs() *session.Pairs {
	return session.NewPairs(p.useKeys(), p.authority(), p.lifetimes(), p.now, p.random)
}

func (p *Parts) hasher() *password.Hasher { return password.NewHasher(p.hashing, p.random) }

func (p *Parts) cookies() *session.Cookies { return session.NewCookies(p.lifetimes(), p.now, p.random) }

func (p *Parts) login() *signin.Login {
	guard := guard.New(p.useStore(), p.useLimiter(), p.attempts(), p.devices(), p.now, p.random)
	return signin.NewLogin(p.useStore(), p.hasher(), guard, p.pairs(), p.cookies(), p.now)
}

func (p *Parts) devices() *guard.Devices { return guard.NewDevices(p.useKeys(), p.random) }

func (p *Parts) authenticator() *session.Authenticator {
	return session.NewAuthenticator(p.useStore(), p.authority(), p.cookies(), p.now)
}

func (p *Parts) logout() *session.Logout {
	return session.NewLogout(p.authenticator(), p.useStore(), p.useKeys())
}

// warnOfOrigins logs the allowed origins whose pages cannot use a cookie session.
func (p *Parts) warnOfOrigins() {
	if len(p.faults) > 0 {
		return
	}
	for _, origin := range p.cfg.CrossSiteOrigins() {
		p.log.Warn("a page of this origin gets no cookie session by fetch: it is another site than PUBLIC_URL", "origin", origin)
	}
}

func (p *Parts) origins() httpapi.Origins {
	origins, err := httpapi.NewOrigins(p.cfg.PublicURL, p.cfg.AllowedOrigins)
	if len(p.faults) == 0 { // else the configuration has reported the faults of the origins
		p.note(err)
	}
	return origins
}

func (p *Parts) oauth(newProviders NewProviders) *signin.OAuth {
	accounts := signin.NewIdentityLogin(p.useStore(), p.pairs(), p.devices(), p.now, p.random)
	return signin.NewOAuth(newProviders(p.cfg, p.useSSM().Read, p.now), p.useStore(), accounts, p.cfg.OAuth.FlowLife, p.now, p.random)
}

func (p *Parts) policy() password.Policy { return password.Policy{MinLength: p.cfg.PasswordMinLength} }

func (p *Parts) mailRequests() *outbox.Requester {
	return outbox.NewRequester(p.useStore(), p.now, p.random)
}

func (p *Parts) verifier() *maillink.Verifier {
	return maillink.NewVerifier(p.useStore(), p.useKeys(), p.authenticator(), p.now)
}

func (p *Parts) resetter() *maillink.Resetter {
	return maillink.NewResetter(p.useStore(), p.useKeys(), p.hasher(), p.policy(), p.devices(), p.now, p.random)
}

// useLimiter returns the limiter, which all endpoints of a function share.
func (p *Parts) useLimiter() *limit.Limiter {
	if p.limiter == nil {
		p.limiter = limit.New(p.useStore(), p.now)
	}
	return p.limiter
}

func (p *Parts) rateCritical() limit.Rates { return p.cfg.RateCritical.Times(p.cfg.RateLimitFactor) }

func (p *Parts) rateMedium() limit.Rates { return p.cfg.RateMedium.Times(p.cfg.RateLimitFactor) }

// attempts returns the limits of password attempts. Both login endpoints share them.
func (p *Parts) attempts() guard.Quotas {
	return guard.Quotas{
		OfSource:  limit.Quota{Scope: "attempts#source", Limit: p.rateMedium().Anonymous},
		OfAccount: limit.Quota{Scope: "attempts#account", Limit: p.rateMedium().Anonymous},
		Failures:  limit.Quota{Scope: "failures#source", Limit: p.rateCritical().Anonymous},
	}
}

// limits returns the rate limits of a function's endpoints.
func (p *Parts) limits() httpapi.Limits {
	return httpapi.NewLimits(p.useLimiter(), p.rateCritical(), p.rateMedium(), p.attempts().OfSource, p.useSources())
}
