// Package clock defines the clock that the rules take as an argument, and the few time calculations that they share.
//
// It never reads the system clock. Package app passes [time.Now], and tests pass a clock that they control. It imports no
// other package of this module.
package clock

import "time"

// Clock returns the current time. In production it is [time.Now].
type Clock func() time.Time

// WholeSeconds truncates t to the second, which is the unit of token lifetimes and of DynamoDB's TTL.
func WholeSeconds(t time.Time) time.Time { return t.Truncate(time.Second) }

// Earlier returns the earlier of two times.
func Earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
