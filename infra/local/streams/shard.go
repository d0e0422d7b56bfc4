package streams

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
)

// maxEvent is Lambda's limit for the payload of an event, in bytes.
const maxEvent = 6 << 20

// shard delivers the records of one shard to the function.
type shard struct {
	*mapping
	id      string
	reader  *reader
	pending []record  // records that passed the filter and are not delivered yet
	due     time.Time // time at which pending is delivered even if it is not a full batch
}

func newShard(m *mapping, id string) *shard {
	start := types.ShardIteratorTypeTrimHorizon
	if m.fromEnd[id] {
		start = types.ShardIteratorTypeLatest
	}
	return &shard{mapping: m, id: id, reader: &reader{
		client: m.client, stream: m.arn, shard: id, start: start, after: m.checkpoints.at(id).After,
	}}
}

// follow delivers records until the shard is done or ctx ends.
func (s *shard) follow(ctx context.Context) {
	var failures outage
	for {
		records, closed, err := s.reader.next(ctx)
		wait := failures.delay(ctx, s.mapping, err, pollInterval)
		s.add(records)
		if !s.deliverDue(ctx, closed) {
			return
		}
		if closed {
			s.commit(position{Done: true})
			return
		}
		if len(records) == 0 && !sleep(ctx, wait) {
			return
		}
	}
}

// add appends the records that pass the filter to pending. The others count as processed.
func (s *shard) add(records []types.Record) {
	if len(s.pending) == 0 {
		s.due = s.now().Add(s.Window)
	}
	for _, from := range records {
		if r := newRecord(from, s.source); s.selects(r) {
			s.pending = append(s.pending, r)
		}
	}
	if len(s.pending) == 0 && len(records) > 0 {
		s.processed(aws.ToString(records[len(records)-1].Dynamodb.SequenceNumber))
	}
}

// selects reports whether one of the filters matches, or there are no filters.
func (s *shard) selects(r record) bool {
	fields := r.fields()
	for _, filter := range s.filters {
		if filter.matches(fields, true) {
			return true
		}
	}
	return len(s.filters) == 0
}

// deliverDue delivers full batches. It also delivers an incomplete batch if its window has passed or the shard is closed. It
// returns false if ctx ends first.
func (s *shard) deliverDue(ctx context.Context, closed bool) bool {
	for len(s.pending) > 0 && (closed || len(s.pending) >= s.BatchSize || !s.now().Before(s.due)) {
		batch := s.batch()
		if !s.deliver(ctx, batch) {
			return false
		}
		s.pending = s.pending[len(batch):]
	}
	return ctx.Err() == nil
}

// batch returns the records at the beginning of pending that fit into one event, at least one.
func (s *shard) batch() []record {
	size := 0
	for i, r := range s.pending[:min(len(s.pending), s.BatchSize)] {
		size += len(r.json) + 1
		if i > 0 && size > maxEvent-100 { // the rest of the event takes fewer than 100 bytes
			return s.pending[:i]
		}
	}
	return s.pending[:min(len(s.pending), s.BatchSize)]
}

// processed stores that all records up to that sequence number are processed.
func (s *shard) processed(sequence string) { s.commit(position{After: sequence}) }

// commit stores the position. It only logs an error, because its worst consequence is that records are delivered again after a
// restart, which functions must handle anyway.
func (s *shard) commit(p position) {
	if err := s.checkpoints.set(s.id, p); err != nil {
		s.logf("%s: %v", s.label, err)
	}
}
