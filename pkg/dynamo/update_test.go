package dynamo_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
)

// TestUpdatesRequireTheItem checks the condition of each update that the calls of the fault table make. An update of an absent
// item creates it, and so brings back a session that was just ended. Other parts of a condition often imply that the item
// exists, so a test of behavior would not notice a missing requirement. Counters are exceptions, because an update starts them.
func TestUpdatesRequireTheItem(t *testing.T) {
	counters := []string{"CountAttempt", "TakePermits"}
	for row, call := range storeCalls(t) {
		f := onDynoxide(t)
		user, sess := f.prepare(t, call)
		recorder := &recorder{next: f.transport}
		f.Store = openStore(f.tables, recorder)
		if err := call.do(t.Context(), f, user, sess); err != nil {
			t.Fatal(err)
		}
		for _, update := range recorder.updates {
			placeholder, found := strings.CutPrefix(update.ConditionExpression, "attribute_exists(")
			placeholder, _, _ = strings.Cut(placeholder, ")")
			requires := found && update.ExpressionAttributeNames[placeholder] == "pk"
			if want := !slices.Contains(counters, methodOf(row)); requires != want {
				t.Errorf("%s: got condition %q with %v, want it to begin with attribute_exists of pk: %t",
					row, update.ConditionExpression, update.ExpressionAttributeNames, want)
			}
		}
		if slices.Contains(call.operations, "UpdateItem") && len(recorder.updates) == 0 {
			t.Errorf("%s: got no update, want one", row)
		}
	}
}

// recorder collects the updates that pass through it, also those in transactions.
type recorder struct {
	next http.RoundTripper

	mu      sync.Mutex
	updates []recordedUpdate
}

type recordedUpdate struct {
	UpdateExpression, ConditionExpression string
	ExpressionAttributeNames              map[string]string
}

// RoundTrip implements [http.RoundTripper].
func (r *recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return nil, err
	}
	var call struct {
		recordedUpdate
		TransactItems []struct{ Update recordedUpdate }
	}
	if err := json.Unmarshal(body, &call); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, item := range call.TransactItems {
		r.add(item.Update)
	}
	r.add(call.recordedUpdate)
	request.Body = io.NopCloser(bytes.NewReader(body))
	return r.next.RoundTrip(request)
}

func (r *recorder) add(update recordedUpdate) {
	if update.UpdateExpression != "" {
		r.updates = append(r.updates, update)
	}
}
