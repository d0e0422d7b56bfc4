// Package lambdastream carries the records of a DynamoDB stream to a function that deals with one item at a time, and tells
// Lambda which of them to bring again (ReportBatchItemFailures).
//
// A record is a hint that an item has changed: only its key is passed on. It knows no accounts and no mails.
package lambdastream

import (
	"context"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// Reserve is kept back from the function's deadline: a record that comes later is left for the next batch.
const Reserve = 20 * time.Second

// Handler is the signature that the Lambda runtime calls.
type Handler func(context.Context, events.DynamoDBEvent) (events.DynamoDBEventResponse, error)

// Adapt returns a handler that calls do with the partition key of each record, in their order. Records for which do fails,
// or for which no time is left, are reported: Lambda brings the batch again from the first of them on, so that do may be
// called again for records after it and must not mind.
func Adapt(do func(ctx context.Context, pk string) error, log *slog.Logger) Handler {
	return func(ctx context.Context, event events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
		var response events.DynamoDBEventResponse
		for _, record := range event.Records {
			if err := one(ctx, do, record); err != nil {
				log.WarnContext(ctx, "a record is left for later", "cause", err.Error())
				response.BatchItemFailures = append(response.BatchItemFailures,
					events.DynamoDBBatchItemFailure{ItemIdentifier: record.Change.SequenceNumber})
			}
		}
		return response, nil
	}
}

func one(ctx context.Context, do func(ctx context.Context, pk string) error, record events.DynamoDBEventRecord) error {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-Reserve))
		defer cancel()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	key, ok := record.Change.Keys["pk"]
	if !ok || key.DataType() != events.DataTypeString {
		return nil // no item of ours
	}
	return do(ctx, key.String())
}
