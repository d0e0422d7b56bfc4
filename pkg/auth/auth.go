// Package auth is the product's rules: what an account and a session are, who may change them and when they end.
//
// It knows no HTTP, no DynamoDB and no JWT. What it needs of the world comes in by constructor, through small
// interfaces that stand beside the rule that calls them and state their obligations. Every decision that only one
// caller may win is left to one conditional write of the store; nothing here reads and then writes on what it read.
//
// Times are compared in code against the caller's clock: an item past its end is dead although the store still holds it.
package auth

import "time"

// Clock tells the current time. It stands for time.Now, so that tests can let time pass.
type Clock func() time.Time

// Lifetimes are how long tokens and sessions live. All are whole seconds.
type Lifetimes struct {
	Access     time.Duration // of an access token, from its issue
	Refresh    time.Duration // of a refresh token, from its issue
	Grace      time.Duration // how long a replaced refresh token still gives its successor
	SessionMax time.Duration // of a token session, however often it is refreshed

	CookieIdle     time.Duration // of a cookie session that is not used
	CookieAbsolute time.Duration // of a cookie session, however often it is used
}
