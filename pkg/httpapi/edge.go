// Package httpapi is the HTTP edge: it decodes requests, calls the rules and writes their answers.
//
// HTTP is written once, here: the body cap, strict decoding, the headers of every answer, the one mapping from errors
// to responses and the one log line per request. An endpoint is a function from request to response.
// The handlers are plain [http.Handler] values and know nothing of Lambda; package lambdahttp carries events to them.
package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"time"

	"latchkey/pkg/contract"
	"latchkey/pkg/fault"
	"latchkey/pkg/reqlog"
)

// Handler answers a request, or returns an error before it has written anything.
type Handler func(w http.ResponseWriter, r *http.Request) error

// Edge is what all endpoints of a function share.
type Edge struct {
	log       *slog.Logger
	now       func() time.Time
	requestID func(context.Context) string
	https     bool
}

// NewEdge returns an Edge. https says that clients reach the API over HTTPS only; requestID names the request of a
// context, as the log of the platform names it.
func NewEdge(log *slog.Logger, now func() time.Time, requestID func(context.Context) string, https bool) *Edge {
	return &Edge{log: log, now: now, requestID: requestID, https: https}
}

// faultWriter answers an error.
type faultWriter func(ctx context.Context, w http.ResponseWriter, route string, failed *fault.Fault)

// Routes returns the handler of a function that serves the given routes. Which of them a request fits is decided
// before, by API Gateway or an [http.ServeMux], and stands in [http.Request.Pattern].
func (e *Edge) Routes(handlers map[contract.Route]Handler) http.Handler {
	return e.route(handlers, e.writeFault)
}

func (e *Edge) route(handlers map[contract.Route]Handler, write faultWriter) http.Handler {
	byKey := make(map[string]http.Handler, len(handlers))
	for route, handler := range handlers {
		byKey[route.Key()] = e.serve(route.Key(), handler, write)
	}
	fallback := e.Fallback()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if handler, ok := byKey[r.Pattern]; ok {
			handler.ServeHTTP(w, r)
			return
		}
		fallback.ServeHTTP(w, r)
	})
}

// Fallback returns the handler of whatever fits no route: 405 for a path that has other methods, else 404. API Gateway
// brings a path that it has decoded, so that one can look like a route here which it did not fit there.
func (e *Edge) Fallback() http.Handler {
	return e.serve("$default", func(_ http.ResponseWriter, r *http.Request) error {
		if allow := contract.Methods(r.URL.Path); len(allow) > 0 && !slices.Contains(allow, r.Method) {
			refused := *errMethodNotAllowed
			refused.Allow = allow
			return &refused
		}
		return errNotFound
	}, e.writeFault)
}

// serve wraps handler with what every answer has. route is its name in the log and in validation errors.
func (e *Edge) serve(route string, handler Handler, write faultWriter) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := e.now()
		ctx, record := reqlog.Open(r.Context())
		answer := &statusWriter{ResponseWriter: w}
		e.setHeaders(answer.Header())
		failed := fault.From(withoutPanic(handler, answer, r.WithContext(ctx)))
		if failed != nil {
			write(ctx, answer, route, failed)
		}
		e.logRequest(ctx, route, answer.status, e.now().Sub(begun), failed, record)
	})
}

// guard turns a panic into an error, so that the function goes on.
func withoutPanic(handler Handler, w http.ResponseWriter, r *http.Request) (err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("panic: %v\n%s", panicked, debug.Stack())
		}
	}()
	return handler(w, r)
}

func (e *Edge) setHeaders(header http.Header) {
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	if e.https {
		header.Set("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
	}
}

// logRequest writes the one line of a request. Faults of ours are errors, everything else a client can cause is not.
func (e *Edge) logRequest(
	ctx context.Context, route string, status int, took time.Duration, failed *fault.Fault, record *reqlog.Record,
) {
	level, code := slog.LevelInfo, "ok"
	attrs := []slog.Attr{
		slog.String("request_id", e.requestID(ctx)),
		slog.String("route", route),
		slog.Int("status", status),
		slog.Float64("duration_ms", float64(took.Microseconds())/1000),
	}
	if failed != nil {
		code = failed.Code
		if cause := errors.Unwrap(failed); cause != nil {
			attrs = append(attrs, slog.String("cause", cause.Error()))
		}
	}
	if status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	attrs = append(attrs, slog.String("code", code))
	e.log.LogAttrs(ctx, level, "request", append(attrs, record.Attrs()...)...)
}

// statusWriter remembers the status.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements [http.ResponseWriter].
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}
