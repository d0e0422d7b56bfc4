package streams

import (
	"encoding/json"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"latchkey/infra/local/template"
)

// record is a stream record in the form that functions receive.
type record struct {
	sequence string
	created  time.Time // rounded to seconds, by DynamoDB Local to minutes
	json     json.RawMessage
}

// eventRecord is a record of an event, as in "Using AWS Lambda with Amazon DynamoDB" in the Lambda guide.
type eventRecord struct {
	ID       string    `json:"eventID"`
	Name     string    `json:"eventName"`
	Version  string    `json:"eventVersion"`
	Source   string    `json:"eventSource"`
	Region   string    `json:"awsRegion"`
	Change   change    `json:"dynamodb"`
	Identity *identity `json:"userIdentity,omitempty"` // only for a deletion by TTL
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

// newRecord converts a record of the engine into Lambda's form. It replaces the engine's own region and stream ARN by those
// of the template.
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
	if user := from.UserIdentity; user != nil {
		event.Identity = &identity{Principal: aws.ToString(user.PrincipalId), Type: aws.ToString(user.Type)}
	}
	encoded, err := json.Marshal(event)
	if err != nil {
		panic("streams: encoding a record: " + err.Error()) // cannot happen: it consists of strings, numbers, lists and maps
	}
	return record{sequence: event.Change.Sequence, created: aws.ToTime(stream.ApproximateCreationDateTime), json: encoded}
}

// fields returns the fields that filters match, which are those of the JSON that the function receives.
func (r record) fields() map[string]any {
	var fields map[string]any
	if err := json.Unmarshal(r.json, &fields); err != nil {
		panic("streams: decoding an encoded record: " + err.Error())
	}
	return fields
}

// event returns the payload for a batch.
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
	encoded := make(map[string]any, len(attributes))
	for name, value := range attributes {
		encoded[name] = attribute(value)
	}
	return encoded
}

// attribute converts a value into DynamoDB's JSON, which the SDK does not do. Bytes become base64.
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
		panic("streams: unknown attribute type")
	}
}
