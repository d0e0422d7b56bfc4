package httpapi

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	"latchkey/pkg/account"
	"latchkey/pkg/contract"
	"latchkey/pkg/fault"
	"latchkey/pkg/id"
	"latchkey/pkg/limit"
	"latchkey/pkg/reqlog"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
)

// limiter grants permits.
type limiter interface {
	// TakeOne takes one permit, counted exactly.
	TakeOne(ctx context.Context, bucket limit.Bucket) (limit.Standing, error)
	// TakeFromBlock takes one permit of a bucket that may be busy.
	TakeFromBlock(ctx context.Context, bucket limit.Bucket) (limit.Standing, error)
}

// devices returns the owner of a device cookie, without a call.
type devices interface {
	Owner(cookie secret.String) (id.ID, bool)
}

// Limits limits the requests per minute to each endpoint. A request counts for the user of its live session; or else
// for the owner of its device cookie, so that a flood from the owner's network does not lock the owner out; or else for its source
// address. Invalid credentials have no effect on this.
//
// All devices of one account count together, because any user can sign in on any number of devices.
type Limits struct {
	limiter  limiter
	critical limit.Rates
	medium   limit.Rates
	sources  Sources
	cookies  Cookies // of devices
	devices  devices
}

// NewLimits returns limits of these rates: critical for endpoints that compute a password hash, create an account or send a
// mail, medium for the others.
func NewLimits(permits limiter, critical, medium limit.Rates, sources Sources, deviceCookies Cookies, known devices) Limits {
	return Limits{limiter: permits, critical: critical, medium: medium, sources: sources, cookies: deviceCookies, devices: known}
}

// check takes the permits that a request to an endpoint needs and writes how many remain. It returns a [fault.Limited] when
// none is left. callers are the principals of the request's live sessions; named is the account or mailbox that its body
// names, empty for none.
func (l Limits) check(w http.ResponseWriter, r *http.Request, row contract.Endpoint, callers []session.Principal, named string) error {
	switch row.Tier {
	case contract.Critical:
		holder := l.holderOf(r, callers)
		return l.checkCritical(r.Context(), w.Header(), holder.bucket(row, l.critical), holder.apart, named)
	case contract.Medium:
		return l.checkMedium(r.Context(), w.Header(), l.holderOf(r, callers).bucket(row, l.medium))
	case contract.Unlimited:
	}
	return nil
}

// checkCritical counts exactly, because a hash, an account or a mail follows. While the store is unavailable the request fails, so
// that the limit cannot be exceeded. A body that names an account is counted for that account, too: an attacker with many
// addresses gets no further with one account.
func (l Limits) checkCritical(ctx context.Context, header http.Header, bucket limit.Bucket, apart, named string) error {
	standing, err := l.limiter.TakeOne(ctx, bucket)
	if err != nil {
		return fmt.Errorf("counting the request: %w", err)
	}
	if standing.Granted && named != "" {
		bucket.Scope, bucket.Holder = bucket.Scope+"#account", named+"\x00"+apart
		ofAccount, err := l.limiter.TakeOne(ctx, bucket)
		if err != nil {
			return fmt.Errorf("counting the request for its account: %w", err)
		}
		standing = standing.Closer(ofAccount)
	}
	return pass(header, standing)
}

// mediumPatience is the time for which the medium tier waits for the store.
const mediumPatience = time.Second

// checkMedium lets requests through while the store is unavailable: the endpoint needs the store itself, and the limiter must not
// be the cause of an outage.
func (l Limits) checkMedium(ctx context.Context, header http.Header, bucket limit.Bucket) error {
	waiting, cancel := context.WithTimeout(ctx, mediumPatience)
	defer cancel()
	standing, err := l.limiter.TakeFromBlock(waiting, bucket)
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

// holder is the caller for whom requests are counted together.
type holder struct {
	kind  string
	name  string
	apart string // separates requests of this caller for an account from those of others; empty for an unknown caller
	rate  func(limit.Rates) int
}

func (h holder) bucket(row contract.Endpoint, rates limit.Rates) limit.Bucket {
	return limit.Bucket{Scope: string(row.Tier) + "#" + row.Path + "#" + h.kind, Holder: h.name, Limit: h.rate(rates)}
}

// holderOf returns the caller for which a request counts.
func (l Limits) holderOf(r *http.Request, callers []session.Principal) holder {
	if len(callers) > 0 {
		return userHolder(callers[0].User)
	}
	rate := func(rates limit.Rates) int { return rates.Anonymous }
	if owner, known := l.devices.Owner(l.cookies.read(r)); known {
		return holder{kind: "device", name: owner.String(), apart: owner.String(), rate: rate}
	}
	return holder{kind: "source", name: l.sources.of(r), rate: rate}
}

func userHolder(user account.User) holder {
	rate := func(rates limit.Rates) int { return rates.User }
	if user.Staff {
		rate = func(rates limit.Rates) int { return rates.Staff }
	}
	return holder{kind: "user", name: user.ID.String(), apart: user.ID.String(), rate: rate}
}
