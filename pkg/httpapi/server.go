// Package httpapi is the HTTP edge: it decodes requests, calls the rule of an endpoint and writes the response.
//
// HTTP is written once, here: the body cap, strict decoding, credentials and cookies, rate limits, the headers of every
// response, the one mapping from errors to responses and the one log line per request. An endpoint is a function from [Call] to
// [Result] in package app. The handlers are plain [http.Handler] values without knowledge of Lambda; package lambdahttp passes
// events to them.
package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"latchkey/pkg/contract"
	"latchkey/pkg/fault"
	"latchkey/pkg/reqlog"
	"latchkey/pkg/session"
)

// sessions resolves credentials.
type sessions interface {
	// Resolve reads the sessions that the credentials name, in at most one call.
	Resolve(ctx context.Context, credentials session.Credentials) (session.Resolution, error)
	// Admit returns the caller that a resolution authenticates, or session.ErrAuthenticationRequired.
	Admit(ctx context.Context, resolution session.Resolution) (session.Authentication, error)
}

// Options holds the components that the endpoints of a function share.
type Options struct {
	Log       *slog.Logger
	Now       func() time.Time
	RequestID func(context.Context) string // returns the id of a request, as in the log of the platform
	HTTPS     bool                         // clients reach the API over HTTPS only
	Cookies   CookieSet
	Origins   Origins
	Sessions  sessions // nil for a function whose endpoints ignore credentials
	Limits    Limits
	Pages     PageRenderer // of a function that serves pages
}

// Server serves the endpoints of one function.
type Server struct {
	log       *slog.Logger
	now       func() time.Time
	requestID func(context.Context) string
	https     bool
	cookies   CookieSet
	origins   Origins
	sessions  sessions
	limits    Limits
	pages     PageRenderer
}

// NewServer returns a Server.
func NewServer(o Options) *Server {
	return &Server{
		log: o.Log, now: o.Now, requestID: o.RequestID, https: o.HTTPS, cookies: o.Cookies, origins: o.Origins,
		sessions: o.Sessions, limits: o.Limits, pages: o.Pages,
	}
}

// Handler returns the handler of a function that serves the endpoints. API Gateway or an [http.ServeMux] has already
// selected the endpoint of a request; [http.Request.Pattern] contains its key.
func (s *Server) Handler(endpoints ...Endpoint) http.Handler {
	byKey := make(map[string]http.Handler, len(endpoints))
	for _, endpoint := range endpoints {
		write := s.writeFault
		if endpoint.Serves == contract.Page {
			write = s.pages.writeFault
		}
		byKey[endpoint.Key()] = s.serve(endpoint.Key(), func(w http.ResponseWriter, r *http.Request) error {
			return endpoint.serve(s, endpoint, w, r)
		}, write)
	}
	fallback := s.Fallback()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if handler, ok := byKey[r.Pattern]; ok {
			handler.ServeHTTP(w, r)
			return
		}
		fallback.ServeHTTP(w, r)
	})
}

// Fallback returns the handler of requests that match no endpoint: 405 for a path that has other methods, else 404. API Gateway
// passes a path that it has decoded, so a path can match an endpoint here although it did not match there.
func (s *Server) Fallback() http.Handler {
	return s.serve("$default", func(_ http.ResponseWriter, r *http.Request) error {
		if allow := contract.Methods(r.URL.Path); len(allow) > 0 && !slices.Contains(allow, r.Method) {
			refused := *errMethodNotAllowed
			refused.Allow = allow
			return &refused
		}
		return errNotFound
	}, s.writeFault)
}

// handler responds to a request, or returns an error before it has written anything but headers.
type handler func(w http.ResponseWriter, r *http.Request) error

// faultWriter writes the response to an error.
type faultWriter func(ctx context.Context, w http.ResponseWriter, route string, failed *fault.Fault)

// serve adds the headers and the log line that every response has. route is the name of the handler in the log and in validation
// errors.
func (s *Server) serve(route string, handle handler, write faultWriter) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := s.now()
		ctx, record := reqlog.Open(r.Context())
		response := &statusWriter{ResponseWriter: w}
		s.setHeaders(response.Header())
		failed := fault.From(recovered(handle, response, r.WithContext(ctx)))
		if failed != nil {
			write(ctx, response, route, failed)
		}
		s.logRequest(ctx, record, outcome{
			route: route, status: response.status, took: s.now().Sub(begun), source: s.limits.sources.of(r), failed: failed,
		})
	})
}

// recovered turns a panic of the handler into an error, so that the function continues.
func recovered(handle handler, w http.ResponseWriter, r *http.Request) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
		}
	}()
	return handle(w, r)
}

func (s *Server) setHeaders(header http.Header) {
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	if s.https {
		header.Set("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
	}
}

// outcome is what the edge knows about a request after the response.
type outcome struct {
	route  string
	status int
	took   time.Duration
	source string       // that the request counts for
	failed *fault.Fault // nil for a success
}

// logRequest writes the one log line of a request. A 5xx is logged as an error; clients can cause all other responses. API Gateway
// writes no line, so the line has the source too.
func (s *Server) logRequest(ctx context.Context, record *reqlog.Record, o outcome) {
	level, message, code := slog.LevelInfo, "request", "ok"
	if record.IsEvent() {
		level, message = slog.LevelWarn, "security event"
	}
	if o.status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	attrs := []slog.Attr{
		slog.String("request_id", s.requestID(ctx)),
		slog.String("route", o.route),
		slog.Int("status", o.status),
		slog.Float64("duration_ms", float64(o.took.Round(10*time.Microsecond))/float64(time.Millisecond)),
		slog.String("source", o.source),
	}
	if o.failed != nil {
		code = o.failed.Code
		if cause := errors.Unwrap(o.failed); cause != nil {
			attrs = append(attrs, slog.String("cause", cause.Error()))
		}
	}
	attrs = append(attrs, slog.String("code", code))
	s.log.LogAttrs(ctx, level, message, append(attrs, record.Attrs()...)...)
}

// statusWriter records the status.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements [http.ResponseWriter].
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// The refusals of the edge itself.
var (
	errMalformedJSON    = &fault.Fault{Kind: fault.Invalid, Code: "malformed_json", Detail: "JSON is malformed"}
	errMalformedQuery   = &fault.Fault{Kind: fault.Invalid, Code: "malformed_query", Detail: "The query is malformed"}
	errTooLarge         = &fault.Fault{Kind: fault.TooLarge, Code: "request_too_large", Detail: "Request Entity Too Large"}
	errUnsupportedMedia = &fault.Fault{
		Kind: fault.UnsupportedMedia, Code: "unsupported_media_type", Detail: "Content-Type must be application/json",
	}
	errNotFound         = &fault.Fault{Kind: fault.NotFound, Code: "not_found", Detail: "Not Found"}
	errMethodNotAllowed = &fault.Fault{Kind: fault.MethodNotAllowed, Code: "method_not_allowed", Detail: "Method Not Allowed"}
)

// errorBody is the body of an error response.
type errorBody struct {
	Detail    string        `json:"detail"`
	Status    int           `json:"status_code"`
	Code      string        `json:"code"`
	RequestID string        `json:"request_id"`
	Extra     []fault.Field `json:"extra,omitempty"`

	// With 429 only.
	Error      string `json:"error,omitempty"`
	RetryAfter string `json:"retry_after,omitempty"`
}

// writeFault writes the JSON response to an error. No other function does, and the cause never reaches the client.
func (s *Server) writeFault(ctx context.Context, w http.ResponseWriter, route string, failed *fault.Fault) {
	body := errorBody{
		Detail:    failed.Detail,
		Status:    statusOf(failed.Kind),
		Code:      failed.Code,
		RequestID: s.requestID(ctx),
		Extra:     failed.Fields,
	}
	switch failed.Kind {
	case fault.Invalid:
		if len(failed.Fields) > 0 {
			body.Detail += " for " + route
		}
	case fault.Unauthenticated:
		w.Header().Set("WWW-Authenticate", "Bearer")
	case fault.MethodNotAllowed:
		w.Header().Set("Allow", strings.Join(failed.Allow, ", "))
	case fault.Limited:
		body.Error, body.RetryAfter = "Too Many Requests", setRetryAfter(w, failed)
	case fault.Unavailable:
		setRetryAfter(w, failed)
	case fault.Internal, fault.Refused, fault.NotFound, fault.TooLarge, fault.UnsupportedMedia, fault.Upstream:
	}
	writeJSON(w, body.Status, body)
}

// setRetryAfter sets and returns the whole seconds after which another attempt can succeed (RFC 9110 §10.2.3).
func setRetryAfter(w http.ResponseWriter, failed *fault.Fault) string {
	seconds := strconv.Itoa(int(math.Ceil(failed.RetryAfter.Seconds())))
	w.Header().Set("Retry-After", seconds)
	return seconds
}

// statusOf returns the status of a kind of fault (RFC 9110 §15).
func statusOf(kind fault.Kind) int {
	switch kind {
	case fault.Invalid:
		return http.StatusBadRequest
	case fault.Unauthenticated:
		return http.StatusUnauthorized
	case fault.Refused:
		return http.StatusForbidden
	case fault.NotFound:
		return http.StatusNotFound
	case fault.MethodNotAllowed:
		return http.StatusMethodNotAllowed
	case fault.TooLarge:
		return http.StatusRequestEntityTooLarge
	case fault.UnsupportedMedia:
		return http.StatusUnsupportedMediaType
	case fault.Limited:
		return http.StatusTooManyRequests
	case fault.Upstream:
		return http.StatusBadGateway
	case fault.Unavailable:
		return http.StatusServiceUnavailable
	case fault.Internal:
		return http.StatusInternalServerError
	}
	return http.StatusInternalServerError
}
