package httpapi

import (
	"context"
	"math"
	"net/http"
	"strconv"
	"strings"

	"latchkey/pkg/fault"
)

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
