package dynamo

import (
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"latchkey/pkg/id"
)

func text(value string) types.AttributeValue { return &types.AttributeValueMemberS{Value: value} }

func binary(value []byte) types.AttributeValue { return &types.AttributeValueMemberB{Value: value} }

func flag(value bool) types.AttributeValue { return &types.AttributeValueMemberBOOL{Value: value} }

func number[N int | int64 | uint32 | uint64](value N) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: fmt.Sprint(value)}
}

func seconds(t time.Time) types.AttributeValue { return number(t.Unix()) }

func millis(t time.Time) types.AttributeValue { return number(t.UnixMilli()) }

// reader reads the attributes of an item. It keeps the first error, so that a decoder is a list of fields.
type reader struct {
	item item
	err  error
}

func (r *reader) fail(name string, cause error) {
	if r.err == nil {
		r.err = fmt.Errorf("reading attribute %q: %w", name, cause)
	}
}

// text returns a string, or an empty one if it is absent.
func (r *reader) text(name string) string {
	switch value := r.item[name].(type) {
	case nil:
		return ""
	case *types.AttributeValueMemberS:
		return value.Value
	default:
		r.fail(name, fmt.Errorf("unexpected type %T", value))
		return ""
	}
}

// binary returns bytes, or nil if they are absent.
func (r *reader) binary(name string) []byte {
	switch value := r.item[name].(type) {
	case nil:
		return nil
	case *types.AttributeValueMemberB:
		return value.Value
	default:
		r.fail(name, fmt.Errorf("unexpected type %T", value))
		return nil
	}
}

// flag returns a boolean, or false if it is absent.
func (r *reader) flag(name string) bool {
	switch value := r.item[name].(type) {
	case nil:
		return false
	case *types.AttributeValueMemberBOOL:
		return value.Value
	default:
		r.fail(name, fmt.Errorf("unexpected type %T", value))
		return false
	}
}

// integer returns a whole number, or zero if it is absent.
func (r *reader) integer(name string) int64 {
	switch value := r.item[name].(type) {
	case nil:
		return 0
	case *types.AttributeValueMemberN:
		parsed, err := strconv.ParseInt(value.Value, 10, 64)
		if err != nil {
			r.fail(name, err)
		}
		return parsed
	default:
		r.fail(name, fmt.Errorf("unexpected type %T", value))
		return 0
	}
}

// count returns a whole number between zero and limit.
func (r *reader) count(name string, limit uint64) uint64 {
	value := r.integer(name)
	if value < 0 || uint64(value) > limit {
		r.fail(name, fmt.Errorf("%d is out of range", value))
		return 0
	}
	return uint64(value)
}

func (r *reader) id(name string) id.ID { return r.parseID(name, r.text(name)) }

// idAfter returns the id that follows prefix.
func (r *reader) idAfter(prefix, name string) id.ID {
	value := r.text(name)
	if len(value) < len(prefix) || value[:len(prefix)] != prefix {
		r.fail(name, fmt.Errorf("no prefix %q", prefix))
		return id.ID{}
	}
	return r.parseID(name, value[len(prefix):])
}

func (r *reader) parseID(name, value string) id.ID {
	parsed, err := id.Parse(value)
	if err != nil {
		r.fail(name, err)
	}
	return parsed
}

// seconds returns a time that is stored in seconds, or the zero time if it is absent.
func (r *reader) seconds(name string) time.Time {
	if r.item[name] == nil {
		return time.Time{}
	}
	return time.Unix(r.integer(name), 0).UTC()
}

// millis returns a time that is stored in milliseconds, or the zero time if it is absent.
func (r *reader) millis(name string) time.Time {
	if r.item[name] == nil {
		return time.Time{}
	}
	return time.UnixMilli(r.integer(name)).UTC()
}

// wireValue returns the type of an attribute in DynamoDB's JSON, and its value. It returns an error for a type that the Store does not
// write.
func wireValue(attribute types.AttributeValue) (kind string, value any, err error) {
	switch attribute := attribute.(type) {
	case *types.AttributeValueMemberS:
		return "S", attribute.Value, nil
	case *types.AttributeValueMemberN:
		return "N", attribute.Value, nil
	case *types.AttributeValueMemberBOOL:
		return "BOOL", attribute.Value, nil
	case *types.AttributeValueMemberB:
		return "B", attribute.Value, nil
	default:
		return "", nil, fmt.Errorf("unexpected type %T", attribute)
	}
}
