package httpapi

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strconv"

	"latchkey/pkg/account"
	"latchkey/pkg/contract"
	"latchkey/pkg/fault"
	"latchkey/pkg/limit"
	"latchkey/pkg/reqlog"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
)

// limiter grants permits.
type limiter interface {
	// TakeOne takes one permit, counted exactly.
	TakeOne(ctx context.Context, bucket limit.Bucket) (limit.Standing, error)
	// Take takes one permit of a bucket that is counted locally at first.
	Take(ctx context.Context, bucket limit.Bucket) (limit.Standing, error)
}

// refreshTokens returns the session that a refresh token names, without a call to a store, or an error if the service did not issue
// the token.
type refreshTokens interface {
	OpenRefresh(token string) (session.RefreshClaims, error)
}

// Limits limits the requests per minute to each endpoint. The Counts of an endpoint's row decides
// whether its requests count for the caller or for the source. Invalid credentials have no effect on this.
type Limits struct {
	limiter  limiter
	rates    map[contract.Tier]limit.Rates
	attempts limit.Quota
	sources  Sources
	tokens   refreshTokens
}

// NewLimits returns limits of these rates: critical for endpoints that compute a password hash, create an account or send a
// mail, medium for the others. attempts limits the password attempts of a source.
func NewLimits(permits limiter, critical, medium limit.Rates, attempts limit.Quota, sources Sources) Limits {
	return Limits{
		limiter: permits, rates: map[contract.Tier]limit.Rates{contract.Critical: critical, contract.Medium: medium},
		attempts: attempts, sources: sources,
	}
}

// WithRefreshTokens returns the limits for a function with endpoints that count for callers.
func (l Limits) WithRefreshTokens(tokens refreshTokens) Limits {
	l.tokens = tokens
	return l
}

// counted is what the limits need of a request.
type counted struct {
	source  string
	callers []session.Principal // of its live sessions
	body    any                 // decoded, unless misfit is the reason why not
	misfit  error
}

// check takes the permit that a request to an endpoint needs and writes how many remain. It returns a [fault.Limited] when
// none is left.
func (l Limits) check(ctx context.Context, header http.Header, row contract.Endpoint, request counted) error {
	switch row.Tier {
	case contract.Critical:
		return l.checkCritical(ctx, header, l.bucket(row, request))
	case contract.Medium:
		return l.checkMedium(ctx, header, l.bucket(row, request))
	case contract.Attempts:
		if request.misfit != nil { // the rule counts an attempt that is well-formed, because the count depends on the account
			return l.checkMedium(ctx, header, l.attempts.Of(request.source))
		}
	case contract.Unlimited:
	}
	return nil
}

// checkCritical counts exactly, because a hash, an account or a mail follows. While the store is unavailable the request fails, so
// that the limit cannot be exceeded.
func (l Limits) checkCritical(ctx context.Context, header http.Header, bucket limit.Bucket) error {
	standing, err := l.limiter.TakeOne(ctx, bucket)
	if err != nil {
		return fmt.Errorf("counting the request: %w", err)
	}
	return pass(header, standing)
}

// checkMedium lets requests through while the store is unavailable: the endpoint needs the store itself, and the limiter must not
// be the cause of an outage.
func (l Limits) checkMedium(ctx context.Context, header http.Header, bucket limit.Bucket) error {
	standing, err := l.limiter.Take(ctx, bucket)
	if err != nil {
		reqlog.Add(ctx, slog.String("limiter", err.Error()))
		return nil
	}
	return pass(header, standing)
}

// pass writes how many requests remain, and refuses the request if it was not granted a permit.
func pass(header http.Header, standing limit.Standing) error {
	setStanding(header, standing)
	if !standing.Granted {
		return fault.TooManyRequests(standing.Reset)
	}
	return nil
}

// setStanding writes the headers with the number of requests that remain to a client
// (draft-ietf-httpapi-ratelimit-headers-07, the last with one header for each value).
func setStanding(header http.Header, standing limit.Standing) {
	header.Set("RateLimit-Limit", strconv.Itoa(standing.Limit))
	header.Set("RateLimit-Remaining", strconv.Itoa(standing.Remaining))
	header.Set("RateLimit-Reset", strconv.Itoa(int(math.Ceil(standing.Reset.Seconds()))))
	header.Set("RateLimit-Policy", strconv.Itoa(standing.Limit)+";w=60")
}

// refreshing is a body that can contain a refresh token.
type refreshing interface {
	// Refresh returns the refresh token; empty for none.
	Refresh() secret.String
}

// bucket returns the bucket of a request: of its caller if the row counts for callers, else of its source.
func (l Limits) bucket(row contract.Endpoint, request counted) limit.Bucket {
	rates := l.rates[row.Tier]
	scope := func(holder string) string { return string(row.Tier) + "#" + row.Path + "#" + holder }
	if row.Counts == contract.ForCaller {
		if len(request.callers) > 0 {
			user := request.callers[0].User
			return limit.Quota{Scope: scope("user"), Limit: rateOf(rates, user)}.Of(user.ID.String())
		}
		if body, is := request.body.(refreshing); is && request.misfit == nil {
			// Not the user: a token of an ended session could use up the limit of the user.
			if claims, err := l.tokens.OpenRefresh(body.Refresh().Reveal()); err == nil {
				return limit.Quota{Scope: scope("session"), Limit: rates.User}.Of(claims.User.String() + claims.Session.String())
			}
		}
	}
	return limit.Quota{Scope: scope("source"), Limit: rates.Anonymous}.Of(request.source)
}

// rateOf returns the rate of a user.
func rateOf(rates limit.Rates, user account.User) int {
	if user.Staff {
		return rates.Staff
	}
	return rates.User
}
