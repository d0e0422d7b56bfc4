package dynamo

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// update is a write that changes attributes of one item if a condition holds for it. The condition must require that the item
// is present, unless the write may create it: without that, an update brings back an item that was just deleted.
type update struct {
	table   string
	key     item
	when    clause // nil always holds
	changes []change
	returns types.ReturnValue // of a write that is made; empty for nothing
}

// update makes an update and reports whether its condition held. It returns what u.returns selects of the changed item. If the
// condition is refused, it returns the whole item as it is, or nil if there is none. doing describes the call in an error.
func (s *Store) update(ctx context.Context, doing string, u update) (stored item, done bool, err error) {
	e := express(u.when, u.changes...)
	input := &dynamodb.UpdateItemInput{
		TableName:                 &u.table,
		Key:                       u.key,
		UpdateExpression:          e.update,
		ConditionExpression:       e.condition,
		ExpressionAttributeNames:  e.names,
		ExpressionAttributeValues: e.values,
		ReturnValues:              u.returns,
	}
	if e.condition != nil {
		input.ReturnValuesOnConditionCheckFailure = types.ReturnValuesOnConditionCheckFailureAllOld
	}
	output, err := s.api.UpdateItem(ctx, input)
	if refusal, refused := errors.AsType[*types.ConditionalCheckFailedException](err); refused {
		return refusal.Item, false, nil
	}
	if err != nil {
		return nil, false, classify(doing, err)
	}
	return output.Attributes, true, nil
}

// updateOnce is update for a change that must not be made twice. The SDK repeats a call whose response was lost, and the
// repeated call cannot know that the first one changed the item. Each operation therefore has an id, which the update writes
// into the item. If the condition is refused and the item has that id, the first call has made the change.
func (s *Store) updateOnce(ctx context.Context, doing string, u update) (stored item, done bool, err error) {
	operation := s.operation()
	notDone := or(absent(attrOperation), compare(attrOperation, "<>", text(operation)))
	u.when = and(u.when, notDone)
	u.changes = append([]change{set(attrOperation, text(operation))}, u.changes...)
	stored, done, err = s.update(ctx, doing, u)
	if err != nil || done {
		return stored, done, err
	}
	r := &reader{item: stored}
	return stored, r.text(attrOperation) == operation, r.err
}
