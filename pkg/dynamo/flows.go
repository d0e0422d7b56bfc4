package dynamo

import (
	"context"
	"time"

	"latchkey/pkg/account"
	"latchkey/pkg/signin"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// PutFlow implements [FlowStore].
func (s *Store) PutFlow(ctx context.Context, flow signin.Flow) error {
	return s.putSession(ctx, "writing the flow", flowItem(flow))
}

// SpendFlow implements [FlowStore] with one conditional write.
func (s *Store) SpendFlow(ctx context.Context, presented signin.Flow, now time.Time) (signin.Flow, error) {
	operation := s.operation()
	output, err := s.api.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName:        &s.sessions,
		Key:              flowKey(presented.State),
		UpdateExpression: aws.String("SET op = :op"),
		ConditionExpression: aws.String("attribute_exists(pk) AND attribute_not_exists(op) AND " +
			"provider = :provider AND binding = :binding AND exp > :now"),
		ExpressionAttributeValues: item{
			":op": text(operation), ":provider": text(presented.Provider), ":binding": binary(presented.Binding), ":now": seconds(now),
		},
		ReturnValues:                        types.ReturnValueAllNew,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	old, refused := refusedItem(err)
	switch {
	case err == nil:
		return readFlow(output.Attributes, presented)
	case refused && written(old, operation):
		return readFlow(old, presented)
	case refused:
		return signin.Flow{}, account.ErrNotFound
	default:
		return signin.Flow{}, classify("spending the flow", err)
	}
}
