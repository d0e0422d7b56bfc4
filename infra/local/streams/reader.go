package streams

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
)

// reader reads the records of one shard in order.
type reader struct {
	client   *dynamodbstreams.Client
	stream   string
	shard    string
	start    types.ShardIteratorType // where to begin if after is empty
	after    string                  // sequence number of the last record read; "" if there is none
	iterator *string                 // nil if one must be requested
}

// next returns the next records. There may be none at the moment. closed means that the shard will have no more. (The range of
// sequence numbers does not show that, because dynoxide reports an end for the open shard as well.) After an error, next may be
// called again.
func (r *reader) next(ctx context.Context) (records []types.Record, closed bool, err error) {
	if r.iterator == nil {
		if err := r.open(ctx); err != nil {
			return nil, false, fmt.Errorf("opening shard %s: %w", r.shard, r.restart(err))
		}
	}
	page, err := r.client.GetRecords(ctx, &dynamodbstreams.GetRecordsInput{ShardIterator: r.iterator})
	if err != nil {
		return nil, false, fmt.Errorf("reading shard %s: %w", r.shard, r.restart(err))
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
	output, err := r.client.GetShardIterator(ctx, input)
	if err == nil {
		r.iterator = output.ShardIterator
	}
	return err
}

// restart discards the iterator if err means that it cannot be used again, and returns err. An iterator expires after 15
// minutes, which the retries of a batch can exceed, and a record after 24 hours. After any other error the iterator remains
// valid.
func (r *reader) restart(err error) error {
	if _, expired := errors.AsType[*types.ExpiredIteratorException](err); expired {
		r.iterator = nil
	}
	if _, trimmed := errors.AsType[*types.TrimmedDataAccessException](err); trimmed {
		r.iterator, r.after, r.start = nil, "", types.ShardIteratorTypeTrimHorizon
	}
	return err
}
