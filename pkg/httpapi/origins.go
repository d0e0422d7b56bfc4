package httpapi

import (
	"fmt"
	"net/http"

	"latchkey/pkg/fault"
)

var errCrossOrigin = &fault.Fault{Kind: fault.Refused, Code: "cross_origin_refused", Detail: "Cross-origin request refused"}

// Origins refuses requests that a browser sends with the user's cookie on behalf of a page of another origin (CSRF).
type Origins struct{ protection *http.CrossOriginProtection }

// NewOrigins returns the check for an API at publicURL that pages of the allowed origins may call. A malformed origin is an
// error.
func NewOrigins(publicURL string, allowed []string) (Origins, error) {
	protection := http.NewCrossOriginProtection()
	for _, origin := range append([]string{publicURL}, allowed...) {
		if err := protection.AddTrustedOrigin(origin); err != nil {
			return Origins{}, fmt.Errorf("trusting an origin: %w", err)
		}
	}
	return Origins{protection: protection}, nil
}

// noHost is a host that no origin has: a space ends the parsing of an origin with an error.
const noHost = "no host"

// check refuses an unsafe request that a browser sent on behalf of a page of another origin. Clients that send neither
// Sec-Fetch-Site nor Origin are not browsers.
//
// The library accepts an origin whose host equals the host of the request, with any scheme and port. The API's own origin is
// among the trusted ones, so the library gets the request without its host.
func (o Origins) check(r *http.Request) error {
	anonymous := *r
	anonymous.Host = noHost
	if err := o.protection.Check(&anonymous); err != nil {
		return errCrossOrigin.Because(err)
	}
	return nil
}
