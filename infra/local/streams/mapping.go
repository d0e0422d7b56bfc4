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
	discoverInterval = 10 * time.Second       // between looks for new shards; the end of a shard is noticed at once
	pollInterval     = 150 * time.Millisecond // between looks for new records
)

// mapping is one event source mapping: a function, a stream, and how far it has come.
type mapping struct {
	template.Stream
	label       string // for the log
	arn         string // of the stream, as the engine has it
	source      string // of the stream, as functions are told
	client      *dynamodbstreams.Client
	filters     []pattern
	checkpoints *checkpoints
	old         map[string]bool // shards to be read from their end
	invoke      func(ctx context.Context, payload []byte) ([]byte, error)
	now         func() time.Time
	logf        func(format string, args ...any)
}

// run follows every shard of the stream, each from when its parent is done, until ctx ends.
func (m *mapping) run(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	ended := make(chan struct{}, 1)
	followed := make(map[string]bool)
	var trouble outage
	for ctx.Err() == nil {
		shards, err := m.shards(ctx)
		wait := trouble.note(ctx, m, err, discoverInterval)
		if err == nil {
			m.skipOld(shards)
		}
		for _, id := range m.ready(shards) {
			if followed[id] {
				continue
			}
			followed[id] = true
			s := newShard(m, id)
			running.Go(func() {
				s.follow(ctx)
				select {
				case ended <- struct{}{}:
				default: // a look is due already
				}
			})
		}
		select {
		case <-ctx.Done():
		case <-ended:
		case <-time.After(wait):
		}
	}
}

// skipOld notes, if the mapping begins with what is new, the shards that are there at its very first look: what they hold by then is old.
// Shards that come later hold new records from their beginning.
func (m *mapping) skipOld(shards []types.Shard) {
	if m.old != nil {
		return
	}
	m.old = make(map[string]bool)
	for _, shard := range shards {
		m.old[aws.ToString(shard.ShardId)] = m.FromLatest && m.checkpoints.empty()
	}
}

// shards lists all shards that the stream still has.
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

// ready lists the shards that are not done and whose parent, if the stream still has it, is.
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

// outage keeps a failure that lasts to one line of the log.
type outage struct{ failures int }

// note says how long to wait after a call that ended with err: usual if it succeeded.
func (o *outage) note(ctx context.Context, m *mapping, err error, usual time.Duration) time.Duration {
	switch {
	case err == nil && o.failures == 0, ctx.Err() != nil:
		return usual
	case err == nil:
		m.logf("%s: the stream is back", m.label)
		o.failures = 0
		return usual
	case o.failures == 0:
		m.logf("%s: the stream cannot be read, trying again: %v", m.label, err)
	}
	o.failures++
	return backoff(o.failures)
}

// backoff is how long to wait after so many failures in a row, 1 or more.
func backoff(failures int) time.Duration {
	const first, longest = 100 * time.Millisecond, 10 * time.Second
	if failures > 7 { // beyond it, and far from an overflow
		return longest
	}
	return min(first<<(failures-1), longest)
}

// sleep is false if ctx ends first.
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
