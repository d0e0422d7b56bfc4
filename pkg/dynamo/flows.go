package dynamo

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"latchkey/pkg/auth"
)

// PutFlow implements [auth.FlowStore].
func (s *Store) PutFlow(ctx context.Context, flow auth.Flow) error {
	return s.putSession(ctx, "writing the flow", flowItem(flow))
}

// SpendFlow implements [auth.FlowStore] with one conditional write.
func (s *Store) SpendFlow(ctx context.Context, presented auth.Flow, now time.Time) (auth.Flow, error) {
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
		return auth.Flow{}, auth.ErrNotFound
	default:
		return auth.Flow{}, classify("spending the flow", err)
	}
}
