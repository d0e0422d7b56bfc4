// Package limit counts requests and says which of them have to wait.
//
// Requests are counted in buckets, so many in a minute, in a store that all containers share: a limit holds however many of
// them there are, and survives their starts and ends. What is counted together, and what a refusal looks like, is for the
// caller to say; how counts are stored, for the store. The package knows neither users nor HTTP.
package limit

import (
	"context"
	"time"
)

// The life of a bucket
//
//	             a permit is taken            a permit is taken, n < limit
//	(nothing) ────────────────────▶ open(1) ───────────────────────────────▶ open(n+1) ──▶ … ──▶ spent(limit)
//	                                   ▲                                         │                    │
//	                                   └──────────── its minute has ended ◀──────┴────────────────────┘
//
// A window begins with the first request in it and ends a minute later. Taking a permit is one conditional write: it adds one,
// if the window has not ended and the limit is not reached. A window that has ended, whether or not the store has swept it, is
// replaced by a second write that demands to find it as it was: of several callers one begins the new window, and the others
// count in it.
//
// Two at once at the last permit: one write goes through. A lost answer: the SDK repeats the write, which counts twice. So
// fewer may pass than could, and never more. A caller that dies after the write has used its permit up.
//
// Blocks. Where a few requests more or less do not matter, a container that has had many permits of a bucket takes the next
// ones ten at a time and hands them out itself: a busy bucket costs a tenth of a write per request, and a container that
// sees it rarely hoards nothing. No more than the limit pass in any case; what ends with a container is lost.
//
// A bucket that is spent is remembered until its window ends, and asked for no more: a flood costs one write per container
// and minute. What is remembered is bounded; forgetting costs writes, never a limit.
//
// A window that slides would not let up to twice the limit pass around its edge; it would need a read or an item per request.

// window is how long requests are counted together.
const window = time.Minute

// Bucket is what is counted together.
type Bucket struct {
	Scope  string // what is counted, short and of our own making
	Holder string // whose requests; any text, however long
	Limit  int    // permits in a minute, at least one
}

// Count is how a bucket stands in the store.
type Count struct {
	Taken int       // permits in the window
	End   time.Time // of the window, whole seconds
}

// Store keeps the counts.
type Store interface {
	// TakePermits takes so many permits of the bucket at now, all or none, if its limit allows it, and returns how the bucket
	// then stands and whether they were taken. A window that is not there, or has ended at now, is begun anew and ends at
	// end. Of several callers no more are given permits than there are.
	TakePermits(ctx context.Context, bucket Bucket, permits int, now, end time.Time) (Count, bool, error)
}

// Standing is what a request is told of its bucket.
type Standing struct {
	Granted   bool
	Limit     int
	Remaining int           // further permits in the window
	Reset     time.Duration // until the window ends, never negative
}

// Closer returns the one of two standings that is nearer to a refusal.
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

// Rates are how many permits a minute has for whom.
type Rates struct {
	Anonymous int
	User      int // signed in
	Staff     int
}

// Times returns the rates multiplied by factor.
func (r Rates) Times(factor int) Rates {
	return Rates{Anonymous: r.Anonymous * factor, User: r.User * factor, Staff: r.Staff * factor}
}
