package streams

import (
	"testing"
	"time"
)

func TestAnswerOfAFunction(t *testing.T) {
	batch := []record{{sequence: "8"}, {sequence: "9"}, {sequence: "10"}}
	for name, test := range map[string]struct {
		answer string
		done   int
		failed bool
	}{
		"nothing":                  {``, 3, false},
		"null":                     {`null`, 3, false},
		"an empty object":          {`{}`, 3, false},
		"a null list":              {`{"batchItemFailures":null}`, 3, false},
		"an empty list":            {`{"batchItemFailures":[]}`, 3, false},
		"the first":                {`{"batchItemFailures":[{"itemIdentifier":"8"}]}`, 0, true},
		"one in the middle":        {`{"batchItemFailures":[{"itemIdentifier":"9"}]}`, 1, true},
		"several, in any order":    {`{"batchItemFailures":[{"itemIdentifier":"10"},{"itemIdentifier":"9"}]}`, 1, true},
		"one that was not sent":    {`{"batchItemFailures":[{"itemIdentifier":"10"},{"itemIdentifier":"11"}]}`, 0, true},
		"an empty identifier":      {`{"batchItemFailures":[{"itemIdentifier":""}]}`, 0, true},
		"a null identifier":        {`{"batchItemFailures":[{"itemIdentifier":null}]}`, 0, true},
		"a member of another name": {`{"batchItemFailures":[{"ItemIdentifier":"9"}]}`, 0, true},
		"text":                     {`"done"`, 0, true},
		"no JSON":                  {`{oops`, 0, true},
		"a list of another type":   {`{"batchItemFailures":["9"]}`, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			done, err := firstFailure(batch, []byte(test.answer))
			if done != test.done || (err != nil) != test.failed {
				t.Errorf("%d processed, error %v; want %d, failed: %v", done, err, test.done, test.failed)
			}
		})
	}
}

// No answer counts a record as processed that it does not say is, and none is beyond the batch.
func FuzzAnswer(f *testing.F) {
	f.Add(`{"batchItemFailures":[{"itemIdentifier":"9"}]}`)
	f.Add(`{"batchItemFailures":[]}`)
	f.Fuzz(func(t *testing.T, answer string) {
		batch := []record{{sequence: "8"}, {sequence: "9"}}
		done, err := firstFailure(batch, []byte(answer))
		if done < 0 || done > len(batch) || (err == nil) != (done == len(batch)) {
			t.Errorf("%d processed, error %v", done, err)
		}
	})
}

func TestBackoffGrowsToItsLimit(t *testing.T) {
	for failures, want := range map[int]time.Duration{
		1: 100 * time.Millisecond, 2: 200 * time.Millisecond, 7: 6400 * time.Millisecond, 8: 10 * time.Second, 1_000_000: 10 * time.Second,
	} {
		if got := backoff(failures); got != want {
			t.Errorf("after %d failures %v, want %v", failures, got, want)
		}
	}
}

func TestAnEventFitsIntoAnInvocation(t *testing.T) {
	large := record{json: make([]byte, 2<<20)}
	m := &mapping{}
	m.BatchSize = 10
	for name, test := range map[string]struct {
		pending []record
		want    int
	}{
		"as many as fit":     {[]record{large, large, large, large}, 2},
		"one that does not":  {[]record{{json: make([]byte, 7<<20)}, large}, 1},
		"no more than asked": {make([]record, 11), 10},
		"no more than wait":  {make([]record, 3), 3},
	} {
		t.Run(name, func(t *testing.T) {
			s := &shard{mapping: m, pending: test.pending}
			if got := len(s.batch()); got != test.want {
				t.Errorf("%d records, want %d", got, test.want)
			}
		})
	}
}
