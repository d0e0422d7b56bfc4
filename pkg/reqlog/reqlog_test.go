package reqlog_test

import (
	"log/slog"
	"sync"
	"testing"

	"latchkey/pkg/id"
	"latchkey/pkg/reqlog"
)

func TestARecordCollectsAttributes(t *testing.T) {
	ctx, record := reqlog.Open(t.Context())
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() { reqlog.Add(ctx, slog.Int("n", 1)) })
	}
	all.Wait()
	reqlog.User(ctx, id.ID{1})
	reqlog.User(ctx, id.ID{2})
	attrs := record.Attrs()
	if len(attrs) != 11 || attrs[10].Key != "user_id" || attrs[10].Value.String() != (id.ID{2}).String() {
		t.Errorf("got the attributes %v, want ten from Add and the user_id of the last User", attrs)
	}
}

// TestOutsideARequestNothingIsKept shows that no call panics without a record, and that none reaches the record of another
// request.
func TestOutsideARequestNothingIsKept(t *testing.T) {
	_, other := reqlog.Open(t.Context())
	reqlog.Add(t.Context(), slog.Int("n", 1))
	reqlog.User(t.Context(), id.ID{1})
	if attrs := other.Attrs(); len(attrs) != 0 {
		t.Errorf("got attributes %v in the record of another request, want none", attrs)
	}
}

func TestAnEventIsMarked(t *testing.T) {
	ctx, record := reqlog.Open(t.Context())
	if record.IsEvent() {
		t.Error("a new record: got an event, want none")
	}
	reqlog.Event(ctx, "token_reused", slog.Int("generation", 2))
	attrs := record.Attrs()
	if !record.IsEvent() || len(attrs) != 2 || attrs[0].String() != "event=token_reused" || attrs[1].String() != "generation=2" {
		t.Errorf("after an event: got the attributes %v of an event: %v; want event and generation, and true", attrs, record.IsEvent())
	}
	reqlog.Event(t.Context(), "token_reused") // outside a request it has no effect
}
