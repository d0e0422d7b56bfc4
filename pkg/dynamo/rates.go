package dynamo

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"latchkey/pkg/fault"
	"latchkey/pkg/limit"
)

// windowTries is how often a window is looked at again that others change at the same time.
const windowTries = 3

// TakePermits implements [limit.Store]: one conditional write, and a second one for a window that has ended and was not swept.
// A write whose answer was lost is repeated and counts twice, which is on the safe side.
func (s *Store) TakePermits(
	ctx context.Context, bucket limit.Bucket, permits int, now, end time.Time,
) (limit.Count, bool, error) {
	for range windowTries {
		stale, count, granted, err := s.addPermits(ctx, bucket, permits, now, end)
		if err != nil || !stale {
			return count, granted, err
		}
		replaced, err := s.replaceWindow(ctx, bucket, permits, count.End, end)
		if err != nil || replaced {
			return limit.Count{Taken: permits, End: end}, replaced, err
		}
	}
	return limit.Count{}, false, fault.ServiceUnavailable.Because(errors.New("taking permits: the window kept changing"))
}

// addPermits adds to a window that is open, or begins one where there is none. stale says that it found one that has ended.
func (s *Store) addPermits(
	ctx context.Context, bucket limit.Bucket, permits int, now, end time.Time,
) (stale bool, count limit.Count, granted bool, err error) {
	output, err := s.api.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName:           &s.sessions,
		Key:                 rateKey(bucket),
		UpdateExpression:    aws.String("SET exp = if_not_exists(exp, :end) ADD n :permits"),
		ConditionExpression: aws.String("attribute_not_exists(pk) OR (exp > :now AND n <= :room)"),
		ExpressionAttributeValues: item{
			":end": seconds(end), ":now": seconds(now), ":permits": number(permits), ":room": number(bucket.Limit - permits),
		},
		ReturnValues:                        types.ReturnValueAllNew,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	old, refused := refusedItem(err)
	switch {
	case err == nil:
		count, err = readCount(output.Attributes)
		return false, count, true, err
	case refused:
		count, err = readCount(old)
		return err == nil && !count.End.After(now), count, false, err
	default:
		return false, limit.Count{}, false, classify("taking permits", err)
	}
}

// replaceWindow begins a window in place of one that has ended, unless somebody else has.
func (s *Store) replaceWindow(ctx context.Context, bucket limit.Bucket, permits int, ended, end time.Time) (bool, error) {
	_, err := s.api.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName:           &s.sessions,
		Key:                 rateKey(bucket),
		UpdateExpression:    aws.String("SET exp = :end, n = :permits"),
		ConditionExpression: aws.String("attribute_not_exists(pk) OR exp = :ended"),
		ExpressionAttributeValues: item{
			":end": seconds(end), ":ended": seconds(ended), ":permits": number(permits),
		},
	})
	if _, refused := refusedItem(err); refused {
		return false, nil
	}
	if err != nil {
		return false, classify("beginning a window", err)
	}
	return true, nil
}

func readCount(stored item) (limit.Count, error) {
	r := &reader{item: stored}
	count := limit.Count{Taken: int(r.count(attrCount, 1<<31)), End: r.seconds(attrExpires)}
	return count, r.err
}
