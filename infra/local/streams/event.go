package streams

import (
	"encoding/json"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"latchkey/infra/local/template"
)

// record is a stream record as the function gets it.
type record struct {
	sequence string
	created  time.Time // to the second; DynamoDB Local has the minute
	json     json.RawMessage
}

// The members of an event record, as in "Using AWS Lambda with Amazon DynamoDB" in the Lambda guide.
type eventRecord struct {
	ID       string    `json:"eventID"`
	Name     string    `json:"eventName"`
	Version  string    `json:"eventVersion"`
	Source   string    `json:"eventSource"`
	Region   string    `json:"awsRegion"`
	Change   change    `json:"dynamodb"`
	Identity *identity `json:"userIdentity,omitempty"` // of a deletion by TTL
	ARN      string    `json:"eventSourceARN"`
}

type change struct {
	Created  int64          `json:"ApproximateCreationDateTime"` // seconds since 1970
	Keys     map[string]any `json:"Keys"`
	NewImage map[string]any `json:"NewImage,omitempty"`
	OldImage map[string]any `json:"OldImage,omitempty"`
	Sequence string         `json:"SequenceNumber"`
	Size     int64          `json:"SizeBytes"`
	View     string         `json:"StreamViewType"`
}

type identity struct {
	Principal string `json:"principalId"`
	Type      string `json:"type"`
}

// newRecord puts a record of the engine's in Lambda's form. Local engines have regions and stream ARNs of their own; a function is
// told those that the template makes of them.
func newRecord(from types.Record, source string) record {
	stream := from.Dynamodb
	event := eventRecord{
		ID:      aws.ToString(from.EventID),
		Name:    string(from.EventName),
		Version: aws.ToString(from.EventVersion),
		Source:  "aws:dynamodb",
		Region:  template.Region,
		Change: change{
			Created:  aws.ToTime(stream.ApproximateCreationDateTime).Unix(),
			Keys:     image(stream.Keys),
			NewImage: image(stream.NewImage),
			OldImage: image(stream.OldImage),
			Sequence: aws.ToString(stream.SequenceNumber),
			Size:     aws.ToInt64(stream.SizeBytes),
			View:     string(stream.StreamViewType),
		},
		ARN: source,
	}
	if by := from.UserIdentity; by != nil {
		event.Identity = &identity{Principal: aws.ToString(by.PrincipalId), Type: aws.ToString(by.Type)}
	}
	encoded, err := json.Marshal(event)
	if err != nil {
		panic("streams: encoding strings, numbers and maps of them: " + err.Error())
	}
	return record{sequence: event.Change.Sequence, created: aws.ToTime(stream.ApproximateCreationDateTime), json: encoded}
}

// fields is what a filter looks at: the record just as the function would get it.
func (r record) fields() map[string]any {
	var fields map[string]any
	if err := json.Unmarshal(r.json, &fields); err != nil {
		panic("streams: decoding what has just been encoded: " + err.Error())
	}
	return fields
}

// event is the payload for a batch.
func event(batch []record) ([]byte, error) {
	list := make([]json.RawMessage, len(batch))
	for i, r := range batch {
		list[i] = r.json
	}
	return json.Marshal(map[string][]json.RawMessage{"Records": list})
}

func image(attributes map[string]types.AttributeValue) map[string]any {
	if attributes == nil {
		return nil
	}
	plain := make(map[string]any, len(attributes))
	for name, value := range attributes {
		plain[name] = attribute(value)
	}
	return plain
}

// attribute is a value in DynamoDB's JSON, the SDK having the types but not the encoding. Bytes become base64.
func attribute(value types.AttributeValue) map[string]any {
	switch value := value.(type) {
	case *types.AttributeValueMemberS:
		return map[string]any{"S": value.Value}
	case *types.AttributeValueMemberN:
		return map[string]any{"N": value.Value}
	case *types.AttributeValueMemberB:
		return map[string]any{"B": value.Value}
	case *types.AttributeValueMemberBOOL:
		return map[string]any{"BOOL": value.Value}
	case *types.AttributeValueMemberNULL:
		return map[string]any{"NULL": value.Value}
	case *types.AttributeValueMemberSS:
		return map[string]any{"SS": value.Value}
	case *types.AttributeValueMemberNS:
		return map[string]any{"NS": value.Value}
	case *types.AttributeValueMemberBS:
		return map[string]any{"BS": value.Value}
	case *types.AttributeValueMemberM:
		return map[string]any{"M": image(value.Value)}
	case *types.AttributeValueMemberL:
		list := make([]any, len(value.Value))
		for i, element := range value.Value {
			list[i] = attribute(element)
		}
		return map[string]any{"L": list}
	default:
		panic("streams: an attribute of a type that DynamoDB does not have")
	}
}
