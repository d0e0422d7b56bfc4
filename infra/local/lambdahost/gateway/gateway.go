// Package gateway is an API Gateway HTTP API on loopback: it routes requests, makes of each the event that the service
// makes of it (payload format 2.0), has a function run, and makes a response of the answer. What the service itself answers
// (404, 413, 431, 500, 503, the preflight) it answers in the service's words.
//
// It is no proxy for anything else: no authorizers, no stages beside $default, no throttling, no TLS, no custom domains.
// It does not run functions; an [Invoker] does.
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

// The limits of the service, from "Quotas for HTTP APIs" and the quotas of Lambda.
const (
	maxHead    = 10240            // request line and header values together, in bytes
	maxBody    = 10 << 20         // request body, in bytes
	maxPayload = 6 << 20          // event and answer of a synchronous invocation, in bytes
	maxWait    = 30 * time.Second // integration timeout
)

// Invoker runs a function by its logical id. Its error means that there is no answer: the function failed, in whatever way,
// or ctx ended. It must return when ctx ends.
type Invoker interface {
	Invoke(ctx context.Context, function string, payload []byte) ([]byte, error)
}

// Options are what a Gateway needs; all fields but Timeout are required.
type Options struct {
	Template *template.Template
	Invoker  Invoker
	Now      func() time.Time
	Random   io.Reader                        // for request and trace ids; must not fail
	Logf     func(format string, args ...any) // why a function's answer was no answer
	Timeout  time.Duration                    // of an integration; 0 is the service's 30 s
}

// Gateway is the HTTP API of a template.
type Gateway struct {
	options Options
	routes  []route
}

// New makes the HTTP API of the template's routes and CORS configuration.
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
		allowPreflight(w.Header(), g.options.Template.CORS, r.Header.Get("Origin"))
		w.WriteHeader(http.StatusNoContent)
		return
	}
	matched, ok := match(g.routes, r)
	if !ok {
		refuse(w, http.StatusNotFound)
		return
	}
	status, payload := g.event(w, r, matched, call)
	if status != 0 {
		refuse(w, status)
		return
	}
	response, status := g.run(r.Context(), matched.function, payload)
	if status != 0 {
		refuse(w, status)
		return
	}
	response.write(w, g.options.Template.CORS, r.Header.Get("Origin"))
}

// event reads the request into the payload for the function; or the status with which the service refuses it.
func (g *Gateway) event(w http.ResponseWriter, r *http.Request, matched routed, call exchange) (status int, payload []byte) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return http.StatusRequestEntityTooLarge, nil
	}
	if err != nil {
		return http.StatusBadRequest, nil
	}
	payload = newEvent(r, body, matched, call).marshal()
	if len(payload) > maxPayload { // base64 and escaping can take a legal body over what Lambda takes
		return http.StatusRequestEntityTooLarge, nil
	}
	return 0, payload
}

// run has the function run; or the status that the service answers in its place. A client that goes away does not end
// the invocation, as it does not in AWS.
func (g *Gateway) run(ctx context.Context, function string, payload []byte) (*answer, int) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), g.options.Timeout)
	defer cancel()
	raw, err := g.options.Invoker.Invoke(ctx, function, payload)
	switch {
	case err != nil && ctx.Err() != nil:
		g.options.Logf("%s: no answer within %v", function, g.options.Timeout)
		return nil, http.StatusServiceUnavailable
	case err != nil: // the invoker has logged why
		return nil, http.StatusInternalServerError
	}
	response, err := parseAnswer(raw)
	if err != nil {
		g.options.Logf("%s: its answer is none for an HTTP API: %v", function, err)
		return nil, http.StatusInternalServerError
	}
	return response, 0
}

// headSize is what counts against the service's limit: the request line and the header values.
func headSize(r *http.Request) int {
	size := len(r.Method) + len(r.RequestURI) + len(r.Proto) + len(r.Host)
	for _, values := range r.Header {
		for _, value := range values {
			size += len(value)
		}
	}
	return size
}

// refuse answers in the service's own form.
func refuse(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// A client that has gone away is no error of ours.
	_, _ = fmt.Fprintf(w, `{"message":%q}`, http.StatusText(status))
}
