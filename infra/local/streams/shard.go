package streams

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
)

// maxEvent is how large an event may be, in bytes, as Lambda's payload limit has it.
const maxEvent = 6 << 20

// shard is a shard on its way to the function.
type shard struct {
	*mapping
	id      string
	reader  *reader
	pending []record  // read, let through by the filter, and not delivered
	due     time.Time // when pending is delivered though it is no full batch
}

func newShard(m *mapping, id string) *shard {
	start := types.ShardIteratorTypeTrimHorizon
	if m.old[id] {
		start = types.ShardIteratorTypeLatest
	}
	return &shard{mapping: m, id: id, reader: &reader{
		client: m.client, stream: m.arn, shard: id, start: start, after: m.checkpoints.at(id).After,
	}}
}

// follow delivers the shard until it is done or ctx ends.
func (s *shard) follow(ctx context.Context) {
	var trouble outage
	for {
		read, closed, err := s.reader.next(ctx)
		wait := trouble.note(ctx, s.mapping, err, pollInterval)
		s.take(read)
		if !s.deliverDue(ctx, closed) {
			return
		}
		if closed {
			s.commit(position{Done: true})
			return
		}
		if len(read) == 0 && !sleep(ctx, wait) {
			return
		}
	}
}

// take puts those of the records that the function wants to the others that wait. The rest counts as processed.
func (s *shard) take(read []types.Record) {
	if len(s.pending) == 0 {
		s.due = s.now().Add(s.Window)
	}
	for _, each := range read {
		if r := newRecord(each, s.source); s.wants(r) {
			s.pending = append(s.pending, r)
		}
	}
	if len(s.pending) == 0 && len(read) > 0 {
		s.processed(aws.ToString(read[len(read)-1].Dynamodb.SequenceNumber))
	}
}

// wants says whether one of the filters matches, if there are any.
func (s *shard) wants(r record) bool {
	fields := r.fields()
	for _, filter := range s.filters {
		if filter.matches(fields, true) {
			return true
		}
	}
	return len(s.filters) == 0
}

// deliverDue delivers full batches, and what has waited for the window or is the shard's last. It is false if ctx ends first.
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

// batch is the beginning of pending that one event can hold; at least one record.
func (s *shard) batch() []record {
	size := 0
	for i, r := range s.pending[:min(len(s.pending), s.BatchSize)] {
		size += len(r.json) + 1
		if i > 0 && size > maxEvent-100 { // the list around them
			return s.pending[:i]
		}
	}
	return s.pending[:min(len(s.pending), s.BatchSize)]
}

// processed notes that everything up to the record of that sequence number is behind us.
func (s *shard) processed(sequence string) { s.commit(position{After: sequence}) }

// commit goes on if the checkpoint cannot be kept: then records come twice after a restart, which a function must bear anyway.
func (s *shard) commit(p position) {
	if err := s.checkpoints.set(s.id, p); err != nil {
		s.logf("%s: %v", s.label, err)
	}
}
