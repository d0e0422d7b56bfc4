// Package clock holds the clock that the rules take as an argument, and the arithmetic on times that they share.
package clock

import "time"

// Clock returns the current time. It stands for [time.Now], so that tests can let time pass.
type Clock func() time.Time

// WholeSeconds cuts t to the second, the unit of token lifetimes and of DynamoDB's TTL.
func WholeSeconds(t time.Time) time.Time { return t.Truncate(time.Second) }

// Earlier returns the earlier of two times.
func Earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
