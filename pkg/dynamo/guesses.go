package dynamo

import (
	"context"
	"errors"
	"time"

	"latchkey/pkg/guard"
	"latchkey/pkg/outbox"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// CountAttempt implements [GuessStore] with one write that demands nothing: a count begins with its first try. A write whose
// answer was lost is repeated and counts twice, which is on the safe side.
func (s *Store) CountAttempt(ctx context.Context, count guard.Counter, kept time.Time) (guard.Count, error) {
	output, err := s.api.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName:        &s.sessions,
		Key:              triesKey(count),
		UpdateExpression: aws.String("SET exp = :kept, slots = if_not_exists(slots, :none) ADD tries :one"),
		ExpressionAttributeValues: item{
			":kept": seconds(kept), ":none": number(0), ":one": number(1),
		},
		ReturnValues: types.ReturnValueAllNew,
	})
	if err != nil {
		return guard.Count{}, classify("counting a try", err)
	}
	return readTries(output.Attributes)
}

func readTries(stored item) (guard.Count, error) {
	r := &reader{item: stored}
	tries := guard.Count{
		Attempts:   int(r.count(attrTries, 1<<62)),
		SlotsTaken: int(r.count(attrSlots, 1<<31)),
		OpensAt:    r.millis(attrOpens),
		Reported:   r.flag(attrTripped),
	}
	return tries, r.err
}

// TakeSlot implements [GuessStore] with one conditional write. One of its own that is found done is a success: the item
// carries the operation that wrote it last.
func (s *Store) TakeSlot(ctx context.Context, count guard.Counter, seen int, now, next time.Time) error {
	operation := s.operation()
	_, err := s.api.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName:           &s.sessions,
		Key:                 triesKey(count),
		UpdateExpression:    aws.String("SET slots = :next, opens = :opens, op = :op"),
		ConditionExpression: aws.String("attribute_exists(pk) AND slots = :seen AND (attribute_not_exists(opens) OR opens <= :now)"),
		ExpressionAttributeValues: item{
			":seen": number(seen), ":next": number(seen + 1), ":now": millis(now), ":opens": millis(next), ":op": text(operation),
		},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	old, refused := refusedItem(err)
	switch {
	case err == nil, refused && written(old, operation):
		return nil
	case refused:
		tries, err := readTries(old)
		if err != nil {
			return err
		}
		return &guard.NoSlotError{OpensAt: tries.OpensAt}
	default:
		return classify("taking a slot", err)
	}
}

// errTripped says that a count is marked already, or gone.
var errTripped = errors.New("the count is marked or gone")

// ReportGuessing implements [GuessStore] with one transaction.
func (s *Store) ReportGuessing(ctx context.Context, count guard.Counter, opens time.Time, notice outbox.Mail) error {
	err := s.transact(ctx, "marking the count of tries", []types.TransactWriteItem{
		{Update: &types.Update{
			TableName:                 &s.sessions,
			Key:                       triesKey(count),
			UpdateExpression:          aws.String("SET tripped = :true, opens = if_not_exists(opens, :opens)"),
			ConditionExpression:       aws.String("attribute_exists(pk) AND attribute_not_exists(tripped)"),
			ExpressionAttributeValues: item{":true": flag(true), ":opens": millis(opens)},
		}},
		putNew(s.sessions, mailItem(notice)),
	}, errTripped)
	if errors.Is(err, errTripped) {
		return nil
	}
	return err
}

// ClearAttempts implements [GuessStore]. Deleting what is not there changes nothing.
func (s *Store) ClearAttempts(ctx context.Context, count guard.Counter) error {
	_, err := s.api.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &s.sessions, Key: triesKey(count)})
	if err != nil {
		return classify("clearing the count of tries", err)
	}
	return nil
}
