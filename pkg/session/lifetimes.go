// Package session decides what a session is, who presents one, how it continues and when it ends.
//
// A session is one sign-in of one account, used with a token pair or with a cookie. The package begins sessions, rotates
// refresh tokens, renews cookies, authenticates requests and ends sessions. It does not decide who may sign in; packages
// signin and signup do.
//
// Like every package of rules, it knows no HTTP, no DynamoDB and no JWT. Its dependencies come in by constructor, through
// interfaces that stand beside the rule that calls them and state their obligations. A decision that only one caller may
// win is one conditional write of the store. Times are compared in code against the caller's clock, because the store
// deletes expired items late.
package session

import "time"

// Lifetimes holds how long tokens and sessions live, in whole seconds.
type Lifetimes struct {
	Access     time.Duration // of an access token, from its issue
	Refresh    time.Duration // of a refresh token, from its issue
	Grace      time.Duration // how long a replaced refresh token still gives its successor
	SessionMax time.Duration // of a token session, however often it is refreshed

	CookieIdle     time.Duration // of a cookie session that is not used
	CookieAbsolute time.Duration // of a cookie session, however often it is used
}
