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
//	             a permit is taken            a permit is taken, n < limit
//	(nothing) ────────────────────▶ open(1) ───────────────────────────────▶ open(n+1) ──▶ … ──▶ spent(limit)
//	                                   ▲                                         │                    │
//	                                   └──────────── its minute has ended ◀──────┴────────────────────┘
//
// A window begins with its first request and ends one minute later. Taking a permit is one conditional write. It adds one if
// the window has not ended and the limit is not reached. A second write replaces a window that has ended, whether or not the
// store has deleted it, on the condition that the item is unchanged. Of several callers, one begins the new window and the
// others count in it.
//
// If two callers compete for the last permit, one write succeeds. If a response is lost, the SDK repeats the write and it
// counts twice, so fewer requests may pass than the limit allows but never more. A caller that dies after the write has used
// its permit.
//
// Blocks. Where an exact count does not matter, a container that has used many permits of a bucket takes the next ones ten at
// a time and uses them itself. A busy bucket then costs a tenth of a write per request, and a container with few requests
// reserves nothing. The limit is never exceeded. The unused permits of a container that ends are lost.
//
// A container remembers a spent bucket until its window ends and does not ask the store again, so a flood costs one write per
// container and minute. The memory is bounded. Forgetting a bucket costs a write and never exceeds a limit.
//
// Around the edge between two windows, up to twice the limit can pass. A sliding window would prevent this, but needs a read
// or an item for each request.

// window is the time over which requests are counted together.
const window = time.Minute

// Bucket identifies requests that are counted together, and limits them.
type Bucket struct {
	Scope  string // the purpose of the count; short, and never text of a client
	Holder string // the user, device or source that the count belongs to; any text of any length
	Limit  int    // permits per minute, at least one
}

// Count is the state of a bucket in the store.
type Count struct {
	Taken int       // permits taken in the window
	End   time.Time // end of the window, in whole seconds
}

// Store keeps the counts.
type Store interface {
	// TakePermits takes the given number of permits, all or none, if the limit allows it at the time now. It returns the
	// resulting count and whether the permits were taken. If the bucket has no window, or its window has ended by now, a new
	// window begins that ends at end. Concurrent callers never get more permits than the limit in one window.
	TakePermits(ctx context.Context, bucket Bucket, permits int, now, end time.Time) (Count, bool, error)
}

// Standing is the result of one attempt to take a permit.
type Standing struct {
	Granted   bool
	Limit     int
	Remaining int           // permits left in the window
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
