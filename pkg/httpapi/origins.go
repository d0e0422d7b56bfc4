package httpapi

import (
	"fmt"
	"net/http"

	"latchkey/pkg/fault"
)

var errCrossOrigin = &fault.Fault{Kind: fault.Refused, Code: "cross_origin_refused", Detail: "Cross-origin request refused"}

// Origins defends requests that a browser makes by itself, with the user's cookie, for a page of another origin.
type Origins struct{ protection *http.CrossOriginProtection }

// NewOrigins returns the defence of an API at publicURL that pages of the allowed origins may call. An origin that is
// none is an error.
func NewOrigins(publicURL string, allowed []string) (Origins, error) {
	protection := http.NewCrossOriginProtection()
	for _, origin := range append([]string{publicURL}, allowed...) {
		if err := protection.AddTrustedOrigin(origin); err != nil {
			return Origins{}, fmt.Errorf("trusting an origin: %w", err)
		}
	}
	return Origins{protection: protection}, nil
}

// noHost is what no origin has as its host.
const noHost = "-"

// check refuses an unsafe request that a browser made for a page of another origin. Clients that send neither
// Sec-Fetch-Site nor Origin are no browsers.
//
// The library takes an origin whose host is that of the request for the request's own, whatever its scheme and port. The
// API's own origin is among the trusted ones, so the request is shown without its host.
func (o Origins) check(r *http.Request) error {
	shown := *r
	shown.Host = noHost
	if err := o.protection.Check(&shown); err != nil {
		return errCrossOrigin.Because(err)
	}
	return nil
}
