package session

import "time"

// Lifetimes holds the lifetimes of tokens and sessions, in whole seconds.
type Lifetimes struct {
	Access     time.Duration // of an access token, from its issue
	Refresh    time.Duration // of a refresh token, from its issue
	Grace      time.Duration // the time in which a replaced refresh token still returns its successor
	SessionMax time.Duration // of a token session, even if it is refreshed

	CookieIdle     time.Duration // of a cookie session that is not used
	CookieAbsolute time.Duration // of a cookie session, even if it is used
}
