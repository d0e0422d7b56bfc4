package httpapi

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"latchkey/pkg/account"
	"latchkey/pkg/fault"
	"latchkey/pkg/id"
	"latchkey/pkg/limit"
	"latchkey/pkg/reqlog"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
)

// limiter hands out permits.
type limiter interface {
	// TakeOne takes one, counted exactly.
	TakeOne(ctx context.Context, bucket limit.Bucket) (limit.Standing, error)
	// TakeFromBlock takes one of a bucket that may be busy.
	TakeFromBlock(ctx context.Context, bucket limit.Bucket) (limit.Standing, error)
}

// resolver tells whose live sessions a request's credentials open.
type resolver interface {
	Resolve(ctx context.Context, credentials session.Credentials) (context.Context, []session.Principal, error)
}

// devices tells whose device a device cookie is of, without a call.
type devices interface {
	Owner(cookie secret.String) (id.ID, bool)
}

// Limits stands before endpoints and lets so many requests a minute through. A request counts for the user whose live session
// it shows; or else for the owner of the device cookie that it shows, so that who floods us from the owner's network does not
// keep the owner out; or else for its source address. Credentials that open nothing count for nothing. Each endpoint counts for
// itself.
//
// All devices of one account count together: anybody can have many of his own.
type Limits struct {
	limiter  limiter
	critical limit.Rates
	medium   limit.Rates
	door     Door
	devices  devices
	callers  resolver // nil: sessions are not looked at
}

// NewLimits returns limits of these rates: critical for what computes a password hash, makes an account or sends a mail,
// medium for what does not.
func NewLimits(permits limiter, critical, medium limit.Rates, door Door, known devices, callers resolver) Limits {
	return Limits{limiter: permits, critical: critical, medium: medium, door: door, devices: known, callers: callers}
}

// WithoutSessions returns limits that look at no sessions: for endpoints that read these together with something else, where
// looking first would be a second call.
func (l Limits) WithoutSessions() Limits {
	l.callers = nil
	return l
}

// Critical lets requests through by the critical rates, counted exactly: whatever comes after is paid for. A store that does not
// answer is the request's failure, so that nobody gets hashes computed, accounts or mails beyond the limit.
func (l Limits) Critical(next Handler) Handler { return l.CriticalFor(nobody, next) }

// CriticalFor is Critical for endpoints whose body names an account, which has a bucket of its own besides: who asks from
// many addresses gets no further with one account.
func (l Limits) CriticalFor(named func(body []byte) string, next Handler) Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		r, who, err := l.identify(r)
		if err != nil {
			return err
		}
		bucket := who.bucket("critical", r, l.critical)
		standing, err := l.limiter.TakeOne(r.Context(), bucket)
		if err != nil {
			return fmt.Errorf("counting the request: %w", err)
		}
		if account := named(peekBody(r)); standing.Granted && account != "" {
			bucket.Scope, bucket.Holder = bucket.Scope+"#account", account+"\x00"+who.apart
			ofAccount, err := l.limiter.TakeOne(r.Context(), bucket)
			if err != nil {
				return fmt.Errorf("counting the request for its account: %w", err)
			}
			standing = standing.Closer(ofAccount)
		}
		return pass(w, r, standing, next)
	}
}

// mediumPatience is how long the medium limits wait for the store.
const mediumPatience = time.Second

// Medium lets requests through by the medium rates. A store that does not answer lets them through: what they ask for needs
// the store itself, and a limiter that is out of order shall not be the outage.
func (l Limits) Medium(next Handler) Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		r, who, err := l.identify(r)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(r.Context(), mediumPatience)
		defer cancel()
		standing, err := l.limiter.TakeFromBlock(ctx, who.bucket("medium", r, l.medium))
		if err != nil {
			reqlog.Add(r.Context(), slog.String("limiter", err.Error()))
			return next(w, r)
		}
		return pass(w, r, standing, next)
	}
}

// pass tells how things stand, and lets the request through if it may pass.
func pass(w http.ResponseWriter, r *http.Request, standing limit.Standing, next Handler) error {
	setStanding(w.Header(), standing)
	if !standing.Granted {
		return fault.TooManyRequests(standing.Reset)
	}
	return next(w, r)
}

// setStanding writes the headers that tell a client how many requests it has left
// (draft-ietf-httpapi-ratelimit-headers-07, the last with one header for each value).
func setStanding(header http.Header, standing limit.Standing) {
	header.Set("RateLimit-Limit", strconv.Itoa(standing.Limit))
	header.Set("RateLimit-Remaining", strconv.Itoa(standing.Remaining))
	header.Set("RateLimit-Reset", strconv.Itoa(int(math.Ceil(standing.Reset.Seconds()))))
	header.Set("RateLimit-Policy", strconv.Itoa(standing.Limit)+";w=60")
}

// holder is whose requests are counted together.
type holder struct {
	kind  string
	name  string
	apart string // keeps requests for an account apart from those of others for it; empty for who is known to nobody
	rate  func(limit.Rates) int
}

func (h holder) bucket(tier string, r *http.Request, rates limit.Rates) limit.Bucket {
	_, path, _ := strings.Cut(r.Pattern, " ")
	return limit.Bucket{Scope: tier + "#" + path + "#" + h.kind, Holder: h.name, Limit: h.rate(rates)}
}

// identify tells for whom a request counts, and returns it with what was found out.
func (l Limits) identify(r *http.Request) (*http.Request, holder, error) {
	if l.callers == nil {
		return r, l.stranger(r), nil
	}
	credentials, err := l.door.credentials(r)
	if err != nil {
		return r, l.stranger(r), nil //nolint:nilerr // a cookie that must not be looked at counts for nothing; the endpoint says so
	}
	ctx, callers, err := l.callers.Resolve(r.Context(), credentials)
	if err != nil {
		return nil, holder{}, fmt.Errorf("looking for whom to count the request: %w", err)
	}
	if len(callers) == 0 {
		return r.WithContext(ctx), l.stranger(r), nil
	}
	return r.WithContext(ctx), userHolder(callers[0].User), nil
}

// stranger is for whom the request of somebody who is not signed in counts.
func (l Limits) stranger(r *http.Request) holder {
	rate := func(rates limit.Rates) int { return rates.Anonymous }
	if owner, known := l.devices.Owner(l.door.devices.read(r)); known {
		return holder{kind: "device", name: owner.String(), apart: owner.String(), rate: rate}
	}
	return holder{kind: "source", name: limit.Source(r.RemoteAddr), rate: rate}
}

func userHolder(user account.User) holder {
	rate := func(rates limit.Rates) int { return rates.User }
	if user.Staff {
		rate = func(rates limit.Rates) int { return rates.Staff }
	}
	return holder{kind: "user", name: user.ID.String(), apart: user.ID.String(), rate: rate}
}

// peekBody returns the body of a request, and leaves it to be read.
func peekBody(r *http.Request) []byte {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	rest := r.Body
	r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), rest))
	if err != nil || len(body) > maxBody || checkObject(body) != nil {
		return nil
	}
	return body
}

func nobody([]byte) string { return "" }

// ByUsername names the account of a login.
func ByUsername(body []byte) string { return canonical(body, "username") }

// ByEmail names the account, or the mailbox, of a request that has an address.
func ByEmail(body []byte) string { return canonical(body, "email") }

// canonical reads a login name of a body; empty if there is none. What is wrong with the body the endpoint tells.
func canonical(body []byte, member string) string {
	var members map[string]any
	if body == nil || json.Unmarshal(body, &members) != nil {
		return ""
	}
	typed, _ := members[member].(string)
	return account.ParseLoginName(typed).Canonical
}
