// Package gateway emulates an HTTP API of API Gateway. It routes requests, converts each into the service's event (payload
// format 2.0), invokes a function, and converts its payload into the HTTP response. The responses of the service itself (404,
// 413, 431, 500, 503 and the preflight) have the same text as in AWS.
//
// It does not support authorizers, stages other than $default, throttling, TLS or custom domains. It does not run functions.
// An [Invoker] does.
package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"latchkey/infra/local/template"
)

// Limits of the service, from "Quotas for HTTP APIs" and the quotas of Lambda.
const (
	maxHead    = 10240            // request line and header values together, in bytes
	maxBody    = 10 << 20         // request body, in bytes
	maxPayload = 6 << 20          // event of a synchronous invocation, in bytes
	maxWait    = 30 * time.Second // integration timeout
)

// Invoker invokes a function by its logical id and returns its payload. An error means that the function failed or that ctx
// ended. Invoke must return when ctx ends.
type Invoker interface {
	Invoke(ctx context.Context, function string, payload []byte) ([]byte, error)
}

// Options holds the arguments of New. All fields except Timeout are required.
type Options struct {
	Template *template.Template
	Invoker  Invoker
	Now      func() time.Time
	Random   io.Reader                        // for request and trace ids; must not fail
	Logf     func(format string, args ...any) // logs invalid payloads of functions
	Timeout  time.Duration                    // of an integration; 0 selects the service's 30 s
}

// Gateway serves the HTTP API of a template.
type Gateway struct {
	options Options
	routes  []route
}

// New returns a Gateway with the routes and the CORS configuration of the template.
func New(options Options) *Gateway {
	if options.Timeout == 0 {
		options.Timeout = maxWait
	}
	return &Gateway{options: options, routes: routesOf(options.Template.Functions)}
}

// ServeHTTP implements [http.Handler].
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now, random := g.options.Now(), g.options.Random
	call := exchange{requestID: requestID(random), traceRoot: traceRoot(random, now), at: now}
	w.Header().Set("Apigw-Requestid", call.requestID)
	switch {
	case headSize(r) > maxHead:
		refuse(w, http.StatusRequestHeaderFieldsTooLarge)
		return
	case isPreflight(r) && g.options.Template.CORS != nil:
		setPreflight(w.Header(), g.options.Template.CORS, r.Header.Get("Origin"))
		w.WriteHeader(http.StatusNoContent)
		return
	}
	m, ok := match(g.routes, r)
	if !ok {
		refuse(w, http.StatusNotFound)
		return
	}
	status, payload := g.event(w, r, m, call)
	if status != 0 {
		refuse(w, status)
		return
	}
	output, status := g.run(r.Context(), m.function, payload)
	if status != 0 {
		refuse(w, status)
		return
	}
	output.write(w, g.options.Template.CORS, r.Header.Get("Origin"))
}

// event returns the payload for the function, or the status with which the service refuses the request.
func (g *Gateway) event(w http.ResponseWriter, r *http.Request, m routeMatch, call exchange) (status int, payload []byte) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return http.StatusRequestEntityTooLarge, nil
	}
	if err != nil {
		return http.StatusBadRequest, nil
	}
	payload = newEvent(r, body, m, call).marshal()
	if len(payload) > maxPayload { // base64 and escaping can enlarge a permitted body beyond this limit
		return http.StatusRequestEntityTooLarge, nil
	}
	return 0, payload
}

// run invokes the function and returns its response, or the status with which the service responds instead. The invocation
// continues if the client disconnects, as in AWS.
func (g *Gateway) run(ctx context.Context, function string, payload []byte) (*response, int) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), g.options.Timeout)
	defer cancel()
	result, err := g.options.Invoker.Invoke(ctx, function, payload)
	switch {
	case err != nil && ctx.Err() != nil:
		g.options.Logf("%s: no response within %v", function, g.options.Timeout)
		return nil, http.StatusServiceUnavailable
	case err != nil: // the invoker has logged it
		return nil, http.StatusInternalServerError
	}
	output, err := parseResponse(result)
	if err != nil {
		g.options.Logf("%s: invalid response for an HTTP API: %v", function, err)
		return nil, http.StatusInternalServerError
	}
	return output, 0
}

// headSize returns the size that counts toward the service's limit: that of the request line and the header values.
func headSize(r *http.Request) int {
	size := len(r.Method) + len(r.RequestURI) + len(r.Proto) + len(r.Host)
	for _, values := range r.Header {
		for _, value := range values {
			size += len(value)
		}
	}
	return size
}

// refuse writes an error response in the form of the service.
func refuse(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"message":%q}`, http.StatusText(status)) // fails only if the client has disconnected
}
