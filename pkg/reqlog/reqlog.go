// Package reqlog collects what one request wants to say in its one log line.
//
// The HTTP edge opens a record and writes it when the answer is known; the layers below add attributes on the way,
// such as the user once it is resolved. What is added must be fit for a log: never a body, a token, a password,
// a cookie, a path or a whole address.
package reqlog

import (
	"context"
	"log/slog"
	"sync"

	"latchkey/pkg/id"
)

type contextKey struct{}

// Record is the growing log line of one request. It is safe for concurrent use.
type Record struct {
	mu    sync.Mutex
	attrs []slog.Attr
	user  id.ID
}

// Open returns a context that carries a new record.
func Open(ctx context.Context) (context.Context, *Record) {
	record := &Record{}
	return context.WithValue(ctx, contextKey{}, record), record
}

// Add puts attributes into the record that ctx carries. Without one they are dropped, so that rules can be
// called outside a request.
func Add(ctx context.Context, attrs ...slog.Attr) {
	record, ok := ctx.Value(contextKey{}).(*Record)
	if !ok {
		return
	}
	record.mu.Lock()
	defer record.mu.Unlock()
	record.attrs = append(record.attrs, attrs...)
}

// User names the account that the request turned out to concern; the last one named counts.
func User(ctx context.Context, user id.ID) {
	if record, ok := ctx.Value(contextKey{}).(*Record); ok {
		record.mu.Lock()
		defer record.mu.Unlock()
		record.user = user
	}
}

// Attrs returns what was added so far.
func (r *Record) Attrs() []slog.Attr {
	r.mu.Lock()
	defer r.mu.Unlock()
	attrs := append([]slog.Attr(nil), r.attrs...)
	if !r.user.IsZero() {
		attrs = append(attrs, slog.String("user_id", r.user.String()))
	}
	return attrs
}
