package dynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// transact makes all writes or none. Its client request token makes it idempotent, so a repeated call after a lost response
// succeeds.
//
// If the condition of a write is refused, transact returns the error at the same index of refusals; of several refusals, the
// first one counts. A refusal without an error in refusals is a fault of the store. doing describes the call in an error.
func (s *Store) transact(ctx context.Context, doing string, writes []types.TransactWriteItem, refusals ...error) error {
	_, err := s.api.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{
		ClientRequestToken: aws.String(s.operation()), TransactItems: writes,
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

// refusedAt reports whether the condition of the write at index canceled the transaction.
func refusedAt(err error, index int) bool {
	all := reasons(err)
	return index < len(all) && aws.ToString(all[index].Code) == reasonConditionFailed
}

// putNew returns the write that stores an item under a key that no item has.
func putNew(table string, stored item) types.TransactWriteItem {
	return putIf(table, stored, missing())
}

// putIf returns the write that stores an item in place of the one under its key, if when holds for that one.
func putIf(table string, stored item, when clause) types.TransactWriteItem {
	e := express(when)
	return types.TransactWriteItem{Put: &types.Put{
		TableName:                 &table,
		Item:                      stored,
		ConditionExpression:       e.condition,
		ExpressionAttributeNames:  e.names,
		ExpressionAttributeValues: e.values,
	}}
}

// checkItem returns the write that changes nothing and has a condition.
func checkItem(table string, key item, when clause) types.TransactWriteItem {
	e := express(when)
	return types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{
		TableName:                 &table,
		Key:                       key,
		ConditionExpression:       e.condition,
		ExpressionAttributeNames:  e.names,
		ExpressionAttributeValues: e.values,
	}}
}

// updateItem returns the write that makes an update.
func updateItem(u update) types.TransactWriteItem {
	e := express(u.when, u.changes...)
	return types.TransactWriteItem{Update: &types.Update{
		TableName:                 &u.table,
		Key:                       u.key,
		UpdateExpression:          e.update,
		ConditionExpression:       e.condition,
		ExpressionAttributeNames:  e.names,
		ExpressionAttributeValues: e.values,
	}}
}

// deleteItem returns the write that deletes an item, which may be absent.
func deleteItem(table string, key item) types.TransactWriteItem {
	return types.TransactWriteItem{Delete: &types.Delete{TableName: &table, Key: key}}
}
