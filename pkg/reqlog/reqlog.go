// Package reqlog collects the attributes of the one log line of a request.
//
// The HTTP edge opens a record and writes it once the response is known. The layers below add attributes, such as the user
// once it is resolved, or report a security event. They write no lines of their own about a request. An attribute must be safe
// to log. It never contains a body, a token, a password, a cookie, a path or an e-mail address.
package reqlog

import (
	"context"
	"log/slog"
	"sync"

	"latchkey/pkg/id"
)

type contextKey struct{}

// Record collects the attributes of one request. It is safe for concurrent use.
type Record struct {
	mu    sync.Mutex
	attrs []slog.Attr
	user  id.ID
	event bool
}

// Open returns a context that carries a new record.
func Open(ctx context.Context) (context.Context, *Record) {
	record := &Record{}
	return context.WithValue(ctx, contextKey{}, record), record
}

// Add adds attributes to the record of ctx. It does nothing if ctx has no record, so that rules can run outside a request.
func Add(ctx context.Context, attrs ...slog.Attr) {
	record, ok := ctx.Value(contextKey{}).(*Record)
	if !ok {
		return
	}
	record.mu.Lock()
	defer record.mu.Unlock()
	record.attrs = append(record.attrs, attrs...)
}

// Event records that the request was a security event of the given kind, which the line reports in its member event. The line then
// has another message, which the metric filter of security events counts.
func Event(ctx context.Context, kind string, attrs ...slog.Attr) {
	Add(ctx, append([]slog.Attr{slog.String("event", kind)}, attrs...)...)
	if record, ok := ctx.Value(contextKey{}).(*Record); ok {
		record.mu.Lock()
		defer record.mu.Unlock()
		record.event = true
	}
}

// User records the account that the request concerns. If it is called several times, the last user counts.
func User(ctx context.Context, user id.ID) {
	if record, ok := ctx.Value(contextKey{}).(*Record); ok {
		record.mu.Lock()
		defer record.mu.Unlock()
		record.user = user
	}
}

// IsEvent reports whether the request was a security event.
func (r *Record) IsEvent() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.event
}

// Attrs returns the attributes added so far, with the user as user_id.
func (r *Record) Attrs() []slog.Attr {
	r.mu.Lock()
	defer r.mu.Unlock()
	attrs := append([]slog.Attr(nil), r.attrs...)
	if !r.user.IsZero() {
		attrs = append(attrs, slog.String("user_id", r.user.String()))
	}
	return attrs
}
