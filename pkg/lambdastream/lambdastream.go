// Package lambdastream passes the records of a DynamoDB stream to a function that handles one item at a time, and reports
// failed records to Lambda, which delivers them again (ReportBatchItemFailures).
//
// A record is only a hint that an item has changed, so nothing but its key is passed on. The package has no notion of accounts
// or mails.
package lambdastream

import (
	"context"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// Reserve is kept back from the deadline of the function. A record that would start later is left for the next batch.
const Reserve = 20 * time.Second

// Handler is the signature that the Lambda runtime calls.
type Handler func(context.Context, events.DynamoDBEvent) (events.DynamoDBEventResponse, error)

// Adapt returns a handler that calls do with the partition key of each record, in order. It reports the records for which do
// fails or no time is left. Lambda then delivers the batch again, starting with the first of them, so do must accept repeated
// calls for the records that follow.
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
		return nil // not an item of this product
	}
	return do(ctx, key.String())
}
