// Package awshttp makes the HTTP clients that functions call AWS services with. Retries, signatures and errors are not its
// concern: they belong to the packages of the services.
package awshttp

import (
	"net"
	"net/http"
	"time"
)

// Limits bounds the parts of one attempt.
type Limits struct {
	Connect   time.Duration // opening the connection
	Handshake time.Duration // the TLS handshake
	Attempt   time.Duration // the whole attempt, with both of these

	// Idle is how long an unused connection is kept. AWS freezes a function between events, and a connection may die
	// meanwhile without notice. A call that must not be repeated therefore needs a short time.
	Idle time.Duration
}

// NewTransport returns a transport with these limits. It keeps the few connections that one request at a time can use.
func NewTransport(limits Limits) *http.Transport {
	return &http.Transport{
		DialContext:         (&net.Dialer{Timeout: limits.Connect}).DialContext,
		TLSHandshakeTimeout: limits.Handshake,
		MaxIdleConnsPerHost: 4,
		IdleConnTimeout:     limits.Idle,
	}
}

// NewClient returns a client with these limits. It uses transport, or its own if that is nil.
func NewClient(transport http.RoundTripper, limits Limits) *http.Client {
	if transport == nil {
		transport = NewTransport(limits)
	}
	return &http.Client{Transport: transport, Timeout: limits.Attempt}
}
