package dynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// transact writes all items or none. The client request token makes it idempotent, so that a retry whose first answer was
// lost is a success. refusals say, item by item, what the refusal of its condition means; the first item refused counts,
// and one without a meaning is a fault of ours. doing is for the log.
func (s *Store) transact(ctx context.Context, doing string, items []types.TransactWriteItem, refusals ...error) error {
	_, err := s.api.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{
		ClientRequestToken: aws.String(s.operation()), TransactItems: items,
	})
	if err == nil {
		return nil
	}
	for i, refusal := range refusals {
		if refusedAt(err, i) {
			return refusal
		}
	}
	return classify(doing, err)
}

// refusedAt says whether the condition of that item canceled the transaction.
func refusedAt(err error, index int) bool {
	all := reasons(err)
	return index < len(all) && aws.ToString(all[index].Code) == reasonConditionFailed
}
