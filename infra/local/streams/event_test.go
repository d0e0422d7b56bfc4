package streams

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
)

const lambdasEvent = `{"Records": [{
	"eventID": "7", "eventName": "REMOVE", "eventVersion": "1.1", "eventSource": "aws:dynamodb", "awsRegion": "us-east-1",
	"dynamodb": {
		"ApproximateCreationDateTime": 1479499740, "SequenceNumber": "111", "SizeBytes": 26, "StreamViewType": "NEW_AND_OLD_IMAGES",
		"Keys": {"pk": {"S": "O#1"}},
		"NewImage": {
			"s": {"S": "<é>"}, "n": {"N": "1.50"}, "b": {"B": "aGVsbG8="}, "t": {"BOOL": true}, "z": {"NULL": true}, "ss": {"SS": ["a", "b"]},
			"ns": {"NS": ["1"]}, "bs": {"BS": ["AA=="]}, "m": {"M": {"x": {"L": []}}}, "l": {"L": [{"S": "a"}, {"M": {}}]}
		},
		"OldImage": {"pk": {"S": "O#1"}}
	},
	"userIdentity": {"principalId": "dynamodb.amazonaws.com", "type": "Service"},
	"eventSourceARN": "arn:aws:dynamodb:us-east-1:123456789012:table/T/stream/x"
}]}`

func TestEventHasLambdasForm(t *testing.T) {
	key := map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: "O#1"}}
	from := types.Record{
		EventID: aws.String("7"), EventName: types.OperationTypeRemove, EventVersion: aws.String("1.1"),
		AwsRegion: aws.String("elsewhere"), EventSource: aws.String("aws:dynamodb"),
		UserIdentity: &types.Identity{PrincipalId: aws.String("dynamodb.amazonaws.com"), Type: aws.String("Service")},
		Dynamodb: &types.StreamRecord{
			ApproximateCreationDateTime: aws.Time(time.Unix(1479499740, 0)), SequenceNumber: aws.String("111"),
			SizeBytes: aws.Int64(26), StreamViewType: types.StreamViewTypeNewAndOldImages, Keys: key, OldImage: key,
			NewImage: map[string]types.AttributeValue{
				"s":  &types.AttributeValueMemberS{Value: "<é>"},
				"n":  &types.AttributeValueMemberN{Value: "1.50"},
				"b":  &types.AttributeValueMemberB{Value: []byte("hello")},
				"t":  &types.AttributeValueMemberBOOL{Value: true},
				"z":  &types.AttributeValueMemberNULL{Value: true},
				"ss": &types.AttributeValueMemberSS{Value: []string{"a", "b"}},
				"ns": &types.AttributeValueMemberNS{Value: []string{"1"}},
				"bs": &types.AttributeValueMemberBS{Value: [][]byte{{0}}},
				"m": &types.AttributeValueMemberM{Value: map[string]types.AttributeValue{
					"x": &types.AttributeValueMemberL{},
				}},
				"l": &types.AttributeValueMemberL{Value: []types.AttributeValue{
					&types.AttributeValueMemberS{Value: "a"},
					&types.AttributeValueMemberM{Value: map[string]types.AttributeValue{}},
				}},
			},
		},
	}
	payload, err := event([]record{newRecord(from, "arn:aws:dynamodb:us-east-1:123456789012:table/T/stream/x")})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := decode(t, string(payload)), decode(t, lambdasEvent); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	// Functions decode the event with this library.
	var e events.DynamoDBEvent
	if err := json.Unmarshal(payload, &e); err != nil {
		t.Fatal(err)
	}
	change := e.Records[0].Change
	if string(change.NewImage["b"].Binary()) != "hello" || change.ApproximateCreationDateTime.Unix() != 1479499740 {
		t.Errorf("aws-lambda-go decodes %+v, want attribute b = hello, created at 1479499740", change)
	}
}
