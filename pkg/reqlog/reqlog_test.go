package reqlog_test

import (
	"log/slog"
	"sync"
	"testing"

	"latchkey/pkg/id"
	"latchkey/pkg/reqlog"
)

func TestARecordCollectsWhatIsAdded(t *testing.T) {
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
		t.Errorf("the record has %v", attrs)
	}
}

func TestOutsideARequestNothingIsKept(t *testing.T) {
	// Neither call may panic or reach the record of another request.
	_, other := reqlog.Open(t.Context())
	reqlog.Add(t.Context(), slog.Int("n", 1))
	reqlog.User(t.Context(), id.ID{1})
	if attrs := other.Attrs(); len(attrs) != 0 {
		t.Errorf("got attributes %v in the record of another request, want none", attrs)
	}
}
