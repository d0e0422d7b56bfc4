package streams

import (
	"testing"
	"time"
)

func TestFirstFailure(t *testing.T) {
	batch := []record{{sequence: "8"}, {sequence: "9"}, {sequence: "10"}}
	for name, test := range map[string]struct {
		response string
		done     int
		wantErr  bool
	}{
		"empty response":           {``, 3, false},
		"null":                     {`null`, 3, false},
		"empty object":             {`{}`, 3, false},
		"null list":                {`{"batchItemFailures":null}`, 3, false},
		"empty list":               {`{"batchItemFailures":[]}`, 3, false},
		"first record":             {`{"batchItemFailures":[{"itemIdentifier":"8"}]}`, 0, true},
		"middle record":            {`{"batchItemFailures":[{"itemIdentifier":"9"}]}`, 1, true},
		"several, out of order":    {`{"batchItemFailures":[{"itemIdentifier":"10"},{"itemIdentifier":"9"}]}`, 1, true},
		"record not in the batch":  {`{"batchItemFailures":[{"itemIdentifier":"10"},{"itemIdentifier":"11"}]}`, 0, true},
		"empty identifier":         {`{"batchItemFailures":[{"itemIdentifier":""}]}`, 0, true},
		"null identifier":          {`{"batchItemFailures":[{"itemIdentifier":null}]}`, 0, true},
		"other case of the member": {`{"batchItemFailures":[{"ItemIdentifier":"9"}]}`, 0, true},
		"text":                     {`"done"`, 0, true},
		"not JSON":                 {`{oops`, 0, true},
		"list of strings":          {`{"batchItemFailures":["9"]}`, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			done, err := firstFailure(batch, []byte(test.response))
			if done != test.done || (err != nil) != test.wantErr {
				t.Errorf("response %s: got %d processed, error %v; want %d, error: %v", test.response, done, err, test.done, test.wantErr)
			}
		})
	}
}

// FuzzFirstFailure checks that the number of processed records is within the batch, and that it is the whole batch exactly if
// there is no error.
func FuzzFirstFailure(f *testing.F) {
	f.Add(`{"batchItemFailures":[{"itemIdentifier":"9"}]}`)
	f.Add(`{"batchItemFailures":[]}`)
	f.Fuzz(func(t *testing.T, response string) {
		batch := []record{{sequence: "8"}, {sequence: "9"}}
		done, err := firstFailure(batch, []byte(response))
		if done < 0 || done > len(batch) || (err == nil) != (done == len(batch)) {
			t.Errorf("response %q: got %d of %d processed, error %v", response, done, len(batch), err)
		}
	})
}

func TestBackoffGrowsToItsLimit(t *testing.T) {
	for failures, want := range map[int]time.Duration{
		1: 100 * time.Millisecond, 2: 200 * time.Millisecond, 7: 6400 * time.Millisecond, 8: 10 * time.Second, 1_000_000: 10 * time.Second,
	} {
		if got := backoff(failures); got != want {
			t.Errorf("backoff(%d) = %v, want %v", failures, got, want)
		}
	}
}

func TestBatchFitsIntoOneEvent(t *testing.T) {
	large := record{json: make([]byte, 2<<20)}
	m := &mapping{}
	m.BatchSize = 10
	for name, test := range map[string]struct {
		pending []record
		want    int
	}{
		"limited by size":    {[]record{large, large, large, large}, 2},
		"record too large":   {[]record{{json: make([]byte, 7<<20)}, large}, 1},
		"limited by number":  {make([]record, 11), 10},
		"limited by pending": {make([]record, 3), 3},
	} {
		t.Run(name, func(t *testing.T) {
			s := &shard{mapping: m, pending: test.pending}
			if got := len(s.batch()); got != test.want {
				t.Errorf("%d pending: got a batch of %d records, want %d", len(test.pending), got, test.want)
			}
		})
	}
}
