package streams

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json" // matches the case of member names, as Lambda does
)

// errItemsFailed means that the function's response names failed records.
var errItemsFailed = errors.New("the function reported failed records")

// deliver invokes the function until each record of the batch is processed or dropped. It returns false if ctx ends first.
func (s *shard) deliver(ctx context.Context, batch []record) bool {
	failures := 0
	for {
		if batch = s.dropOld(batch); len(batch) == 0 {
			return true
		}
		done, err := s.attempt(ctx, batch)
		if ctx.Err() != nil {
			return false // err can be a consequence of the host's end
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
			s.drop(batch, "no retries left")
			return true
		}
		if !sleep(ctx, backoff(failures)) {
			return false
		}
		// A response that names the failed records makes bisection unnecessary.
		if s.Bisect && len(batch) > 1 && !errors.Is(err, errItemsFailed) {
			half := len(batch) / 2
			return s.deliver(ctx, batch[:half]) && s.deliver(ctx, batch[half:])
		}
	}
}

// attempt invokes the function once. It returns the number of records at the beginning of the batch that are processed.
func (s *shard) attempt(ctx context.Context, batch []record) (done int, err error) {
	payload, err := event(batch)
	if err != nil {
		return 0, err
	}
	response, err := s.invoke(ctx, payload)
	switch {
	case err != nil:
		return 0, err
	case !s.ReportItemFailures:
		return len(batch), nil
	}
	return firstFailure(batch, response)
}

// firstFailure returns the number of processed records according to the payload of a function that reports failed records
// ("Configuring partial batch response with DynamoDB and Lambda" in the Lambda guide). An empty payload, null, and an empty or
// absent list mean success. Otherwise all records from the first failed one onward must be delivered again. An invalid
// payload, such as one that names a record outside the batch, fails the whole batch.
func firstFailure(batch []record, payload []byte) (done int, err error) {
	if len(payload) == 0 {
		return len(batch), nil
	}
	var response struct {
		Failures []struct {
			Sequence string `json:"itemIdentifier"`
		} `json:"batchItemFailures"`
	}
	if err := json.Unmarshal(payload, &response); err != nil {
		return 0, fmt.Errorf("parsing the response of the function: %w", err)
	}
	if len(response.Failures) == 0 {
		return len(batch), nil
	}
	positions := make(map[string]int, len(batch))
	for i, r := range batch {
		positions[r.sequence] = i
	}
	first := len(batch)
	for _, failure := range response.Failures {
		at, known := positions[failure.Sequence]
		if !known {
			return 0, fmt.Errorf("parsing the response of the function: the batch has no record %q", failure.Sequence)
		}
		first = min(first, at)
	}
	return first, errItemsFailed
}

// dropOld drops the records that exceed the mapping's maximum age, which are at the beginning, and returns the rest.
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
