// Package limit counts requests per minute and decides which of them must wait.
//
// Requests are counted in buckets. The counts are in a store that all containers share, so a limit holds however many
// containers there are, and survives their starts and ends. The caller decides which requests share a bucket and how a
// refusal looks. The store decides how counts are stored. The package has no notion of users or of HTTP.
package limit

import (
	"context"
	"net/netip"
	"time"
)

// The life of a bucket
//
//	             permits are taken            permits are taken, n < limit
//	(nothing) ────────────────────▶ taken(n) ─────────────────────────────▶ … ──▶ spent(n ≥ limit)
//
// A count belongs to one bucket in one minute of the clock. Its key contains the minute, so each minute begins without a
// count, and no count is ever replaced. Taking permits is one write without a condition. It adds to the count and returns
// the total, so it is never refused and never repeated. Of concurrent callers, each gets another total, and the total tells
// each how many of its permits are within the limit.
//
// If a response is lost, the SDK repeats the write and it counts twice, so fewer requests may pass than the limit allows but
// never more. A caller that dies after the write has used its permit.
//
// Exact counts. [Limiter.TakeOne] makes one write per request. It is for requests that are costly or hostile.
//
// Local counts. [Limiter.Take] is for all other requests. A container lets the first requests of a bucket in a minute pass
// without a call: a sixth of the limit. Only then does it take permits from the store, the first time also for the requests
// that it let pass, and more than it needs at once. A caller with few requests therefore costs no write, and a busy one costs
// one write for several requests. While only one container serves a bucket, the limit is exact. If several do, each can have
// let a sixth pass that the store does not know, so at most
//
//	limit + containers × limit/6
//
// requests pass in a minute. Permits that a container has taken and not used are lost with it, so a bucket that many containers
// serve can also be spent early, by less than a block for each container.
//
// A container remembers a spent bucket until the minute ends and does not ask the store again, so a flood costs one write per
// container and minute. The memory is bounded. Forgetting a bucket lets one more sixth pass.
//
// Around the edge between two minutes, up to twice the limit can pass. A sliding window would prevent this, but needs a read
// or an item for each request.

// length is the time over which requests are counted together.
const length = time.Minute

// Quota is a limit for the requests of one kind. Each holder has a bucket of its own.
type Quota struct {
	Scope string // the kind of requests; short, and never text of a client
	Limit int    // permits per minute, at least one
}

// Of returns the bucket of a holder.
func (q Quota) Of(holder string) Bucket { return Bucket{Quota: q, Holder: holder} }

// Bucket identifies requests that are counted together, and limits them.
type Bucket struct {
	Quota
	Holder string // the user, session or source that the count belongs to; any text of any length
}

// At returns the window of the bucket that contains the time now.
func (b Bucket) At(now time.Time) Window { return Window{Bucket: b, Start: now.Truncate(length)} }

// Window is a bucket in one minute of the clock.
type Window struct {
	Bucket
	Start time.Time // a whole minute
}

// End returns the time at which the window ends.
func (w Window) End() time.Time { return w.Start.Add(length) }

// Standing returns the standing of a caller that may not take a permit, or has taken its permit, at now. taken is the count of
// the window in the store.
func (w Window) Standing(granted bool, taken int, now time.Time) Standing {
	return Standing{Granted: granted, Limit: w.Limit, Remaining: max(0, w.Limit-taken), Reset: max(0, w.End().Sub(now))}
}

// Store keeps the counts.
type Store interface {
	// TakePermits adds permits to the count of a window, which is zero at first, and returns the new count. Concurrent callers
	// get different counts.
	TakePermits(ctx context.Context, window Window, permits int) (int, error)
}

// Standing is the result of one attempt to take a permit.
type Standing struct {
	Granted   bool
	Limit     int
	Remaining int           // permits left in the window, as far as the container knows
	Reset     time.Duration // time until the window ends, never negative
}

// Closer returns whichever of the two standings is closer to a refusal.
func (s Standing) Closer(other Standing) Standing {
	if s.Granted != other.Granted {
		if s.Granted {
			return other
		}
		return s
	}
	if other.Remaining < s.Remaining {
		return other
	}
	return s
}

// Rates holds the requests allowed per minute for each kind of caller.
type Rates struct {
	Anonymous int // without a valid credential
	User      int // signed in
	Staff     int // signed in, with is_staff
}

// Times returns the rates multiplied by factor.
func (r Rates) Times(factor int) Rates {
	return Rates{Anonymous: r.Anonymous * factor, User: r.User * factor, Staff: r.Staff * factor}
}

// sitePrefix is the length of the IPv6 prefix that one subscriber has (RFC 6177, RFC 4291 §2.5.1).
const sitePrefix = 64

// Source returns the source that a request counts for. remote is its remote address as reported by the gateway, with or
// without a port. An IPv4 address is its own source, also in IPv4-mapped form (RFC 4291 §2.5.5.2). The source of an IPv6
// address is its /64 network. For any other text, Source returns "", so all requests without an address share one bucket.
// Headers are not used, because the client controls them.
func Source(remote string) string {
	address, err := netip.ParseAddr(remote)
	if err != nil {
		withPort, err := netip.ParseAddrPort(remote)
		if err != nil {
			return ""
		}
		address = withPort.Addr()
	}
	address = address.Unmap().WithZone("")
	if address.Is4() {
		return address.String()
	}
	network, err := address.Prefix(sitePrefix)
	if err != nil {
		return ""
	}
	return network.String()
}
