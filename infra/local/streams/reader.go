package streams

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
)

// reader reads one shard from where it was left.
type reader struct {
	client   *dynamodbstreams.Client
	stream   string
	shard    string
	start    types.ShardIteratorType // where to begin while nothing has been read
	after    string                  // sequence number of the record read last; "" for none
	iterator *string                 // nil while there is none
}

// next reads on. There may be no records at the moment; closed says that there never will be more. Whether a shard is closed cannot be seen
// from its range of sequence numbers: dynoxide gives an end to the open shard too. After an error it may be called again.
func (r *reader) next(ctx context.Context) (records []types.Record, closed bool, err error) {
	if r.iterator == nil {
		if err := r.open(ctx); err != nil {
			return nil, false, fmt.Errorf("opening shard %s: %w", r.shard, r.lost(err))
		}
	}
	page, err := r.client.GetRecords(ctx, &dynamodbstreams.GetRecordsInput{ShardIterator: r.iterator})
	if err != nil {
		return nil, false, fmt.Errorf("reading shard %s: %w", r.shard, r.lost(err))
	}
	r.iterator = page.NextShardIterator
	if last := len(page.Records) - 1; last >= 0 {
		r.after = *page.Records[last].Dynamodb.SequenceNumber
	}
	return page.Records, r.iterator == nil, nil
}

func (r *reader) open(ctx context.Context) error {
	input := &dynamodbstreams.GetShardIteratorInput{StreamArn: &r.stream, ShardId: &r.shard, ShardIteratorType: r.start}
	if r.after != "" {
		input.ShardIteratorType, input.SequenceNumber = types.ShardIteratorTypeAfterSequenceNumber, &r.after
	}
	opened, err := r.client.GetShardIterator(ctx, input)
	if err == nil {
		r.iterator = opened.ShardIterator
	}
	return err
}

// lost makes the next call begin anew where err demands it: an iterator lives for 15 minutes, which a batch tried again and again can
// outlast, and a record for 24 hours. Any other error leaves the iterator as good as it was.
func (r *reader) lost(err error) error {
	if _, expired := errors.AsType[*types.ExpiredIteratorException](err); expired {
		r.iterator = nil
	}
	if _, trimmed := errors.AsType[*types.TrimmedDataAccessException](err); trimmed {
		r.iterator, r.after, r.start = nil, "", types.ShardIteratorTypeTrimHorizon
	}
	return err
}
