package streams

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json" // names in another letter case are not the names, as for Lambda
)

// errItemsFailed says that the function itself named records that failed.
var errItemsFailed = errors.New("the function reports failed records")

// deliver has the function handle the batch until each record is processed or dropped. It is false if ctx ends first.
func (s *shard) deliver(ctx context.Context, batch []record) bool {
	failures := 0
	for {
		if batch = s.dropOld(batch); len(batch) == 0 {
			return true
		}
		done, err := s.attempt(ctx, batch)
		if ctx.Err() != nil {
			return false // whatever err says: the host that ends fails it too
		}
		if done > 0 {
			s.processed(batch[done-1].sequence)
			batch, failures = batch[done:], 0
		}
		if err == nil {
			return true
		}
		failures++
		s.logf("%s: %d records from %s failed (%d in a row): %v", s.label, len(batch), batch[0].sequence, failures, err)
		if s.MaxRetries >= 0 && failures > s.MaxRetries {
			s.drop(batch, "its retries are used up")
			return true
		}
		if !sleep(ctx, backoff(failures)) {
			return false
		}
		// A function that names its failures has told more than halving could.
		if s.Bisect && len(batch) > 1 && !errors.Is(err, errItemsFailed) {
			half := len(batch) / 2
			return s.deliver(ctx, batch[:half]) && s.deliver(ctx, batch[half:])
		}
	}
}

// attempt invokes the function once. done is the number of records, from the first, that are processed.
func (s *shard) attempt(ctx context.Context, batch []record) (done int, err error) {
	payload, err := event(batch)
	if err != nil {
		return 0, err
	}
	answer, err := s.invoke(ctx, payload)
	switch {
	case err != nil:
		return 0, err
	case !s.ReportItemFailures:
		return len(batch), nil
	}
	return firstFailure(batch, answer)
}

// firstFailure reads the answer of a function that reports failed records ("Configuring partial batch response with DynamoDB and
// Lambda" in the Lambda guide): nothing, null, and an empty or absent list are success; everything from the first record named on is
// to be delivered again; and what makes no sense, such as a record that is not in the batch, fails all of it.
func firstFailure(batch []record, answer []byte) (done int, err error) {
	if len(answer) == 0 {
		return len(batch), nil
	}
	var response struct {
		Failures []struct {
			Sequence string `json:"itemIdentifier"`
		} `json:"batchItemFailures"`
	}
	if err := json.Unmarshal(answer, &response); err != nil {
		return 0, fmt.Errorf("reading the function's answer: %w", err)
	}
	if len(response.Failures) == 0 {
		return len(batch), nil
	}
	positions := make(map[string]int, len(batch))
	for i, r := range batch {
		positions[r.sequence] = i
	}
	first := len(batch)
	for _, failed := range response.Failures {
		at, known := positions[failed.Sequence]
		if !known {
			return 0, fmt.Errorf("reading the function's answer: the batch has no record %q", failed.Sequence)
		}
		first = min(first, at)
	}
	return first, errItemsFailed
}

// dropOld is the batch without the records that are older than the mapping's limit; they come first.
func (s *shard) dropOld(batch []record) []record {
	old := 0
	for s.MaxAge > 0 && old < len(batch) && s.now().Sub(batch[old].created) > s.MaxAge {
		old++
	}
	if old > 0 {
		s.drop(batch[:old], fmt.Sprintf("older than %v", s.MaxAge))
	}
	return batch[old:]
}

func (s *shard) drop(records []record, reason string) {
	last := records[len(records)-1].sequence
	s.logf("%s: dropped %d records, %s to %s: %s", s.label, len(records), records[0].sequence, last, reason)
	s.processed(last)
}
