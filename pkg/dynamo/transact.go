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

// putNew returns the part of a transaction that stores an item under a key that no item has.
func putNew(table string, stored item) types.TransactWriteItem {
	return types.TransactWriteItem{Put: &types.Put{
		TableName:           aws.String(table),
		Item:                stored,
		ConditionExpression: aws.String("attribute_not_exists(pk)"),
	}}
}

// checkItem returns the part of a transaction that requires a condition of an item and does not change the item.
func checkItem(table string, key item, condition string) types.TransactWriteItem {
	return types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{
		TableName: aws.String(table), Key: key, ConditionExpression: aws.String(condition),
	}}
}

// reserved returns placeholders for attributes whose names are reserved words of DynamoDB.
func reserved(names ...string) map[string]string {
	all := make(map[string]string, len(names))
	for _, name := range names {
		all["#"+name] = name
	}
	return all
}
