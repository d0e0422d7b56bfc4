package httpapi

import (
	"net/http"

	"latchkey/pkg/limit"
)

// Sources determines the source that a request counts for.
type Sources struct{}

// of returns the source of a request.
func (Sources) of(r *http.Request) string { return limit.Source(r.RemoteAddr) }
