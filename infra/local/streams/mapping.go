package streams

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"latchkey/infra/local/template"
)

const (
	discoverInterval = 10 * time.Second       // between listings of the shards; the end of a shard triggers one at once
	pollInterval     = 150 * time.Millisecond // between reads of a shard without new records
)

// mapping is one event source mapping: a function, a stream, and the progress in it.
type mapping struct {
	template.Stream
	label       string // for the log
	arn         string // of the stream, in the engine
	source      string // ARN of the stream in events
	client      *dynamodbstreams.Client
	filters     []pattern
	checkpoints *checkpoints
	fromEnd     map[string]bool // by shard: read only records written from now on; nil before the first listing
	invoke      func(ctx context.Context, payload []byte) ([]byte, error)
	now         func() time.Time
	logf        func(format string, args ...any)
}

// run delivers every shard of the stream, each after its parent is done, until ctx ends.
func (m *mapping) run(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	shardEnd := make(chan struct{}, 1)
	known := make(map[string]bool)
	var failures outage
	for ctx.Err() == nil {
		shards, err := m.shards(ctx)
		wait := failures.delay(ctx, m, err, discoverInterval)
		if err == nil {
			m.chooseStart(shards)
		}
		for _, id := range m.ready(shards) {
			if known[id] {
				continue
			}
			known[id] = true
			s := newShard(m, id)
			running.Go(func() {
				s.follow(ctx)
				select {
				case shardEnd <- struct{}{}:
				default: // a listing is already due
				}
			})
		}
		select {
		case <-ctx.Done():
		case <-shardEnd:
		case <-time.After(wait):
		}
	}
}

// chooseStart records at the first listing whether its shards are read from their end. They are if the mapping starts at LATEST
// and has no checkpoint. Shards that appear later contain only new records and are read from their beginning.
func (m *mapping) chooseStart(shards []types.Shard) {
	if m.fromEnd != nil {
		return
	}
	m.fromEnd = make(map[string]bool)
	for _, shard := range shards {
		m.fromEnd[aws.ToString(shard.ShardId)] = m.FromLatest && m.checkpoints.empty()
	}
}

// shards returns all shards that the stream still has.
func (m *mapping) shards(ctx context.Context) ([]types.Shard, error) {
	var shards []types.Shard
	input := &dynamodbstreams.DescribeStreamInput{StreamArn: &m.arn}
	for {
		page, err := m.client.DescribeStream(ctx, input)
		if err != nil {
			return nil, fmt.Errorf("listing the shards: %w", err)
		}
		shards = append(shards, page.StreamDescription.Shards...)
		input.ExclusiveStartShardId = page.StreamDescription.LastEvaluatedShardId
		if input.ExclusiveStartShardId == nil {
			return shards, nil
		}
	}
}

// ready returns the shards that are not done and have no parent in the stream that is not done.
func (m *mapping) ready(shards []types.Shard) []string {
	open := make(map[string]bool, len(shards))
	for _, shard := range shards {
		open[aws.ToString(shard.ShardId)] = !m.checkpoints.at(aws.ToString(shard.ShardId)).Done
	}
	var ready []string
	for _, shard := range shards {
		if id := aws.ToString(shard.ShardId); open[id] && !open[aws.ToString(shard.ParentShardId)] {
			ready = append(ready, id)
		}
	}
	return ready
}

// outage counts failures in a row, so that a lasting failure is logged once.
type outage struct{ failures int }

// delay returns the time to wait after a call that returned err: usual after a success. It logs the beginning and the end of
// an outage.
func (o *outage) delay(ctx context.Context, m *mapping, err error, usual time.Duration) time.Duration {
	switch {
	case err == nil && o.failures == 0, ctx.Err() != nil:
		return usual
	case err == nil:
		m.logf("%s: the stream can be read again", m.label)
		o.failures = 0
		return usual
	case o.failures == 0:
		m.logf("%s: the stream cannot be read, retrying: %v", m.label, err)
	}
	o.failures++
	return backoff(o.failures)
}

// backoff returns the time to wait after that many failures in a row, at least 1.
func backoff(failures int) time.Duration {
	const first, longest = 100 * time.Millisecond, 10 * time.Second
	if failures > 7 { // the shift would exceed longest, and could overflow
		return longest
	}
	return min(first<<(failures-1), longest)
}

// sleep waits for the duration. It returns false if ctx ends first.
func sleep(ctx context.Context, duration time.Duration) bool {
	timer := time.NewTimer(duration)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
