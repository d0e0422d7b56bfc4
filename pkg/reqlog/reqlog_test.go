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
	reqlog.User(t.Context(), id.ID{}) // must not panic
}
