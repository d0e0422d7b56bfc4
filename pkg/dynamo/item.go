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

// reader reads an item's attributes and keeps the first fault, so that a decoder is a list of fields.
type reader struct {
	item item
	err  error
}

func (r *reader) fail(name string, cause error) {
	if r.err == nil {
		r.err = fmt.Errorf("reading attribute %q: %w", name, cause)
	}
}

// text reads a string; an absent one is empty.
func (r *reader) text(name string) string {
	switch value := r.item[name].(type) {
	case nil:
		return ""
	case *types.AttributeValueMemberS:
		return value.Value
	default:
		r.fail(name, fmt.Errorf("it is a %T", value))
		return ""
	}
}

// binary reads bytes; absent ones are nil.
func (r *reader) binary(name string) []byte {
	switch value := r.item[name].(type) {
	case nil:
		return nil
	case *types.AttributeValueMemberB:
		return value.Value
	default:
		r.fail(name, fmt.Errorf("it is a %T", value))
		return nil
	}
}

// flag reads a boolean; an absent one is false.
func (r *reader) flag(name string) bool {
	switch value := r.item[name].(type) {
	case nil:
		return false
	case *types.AttributeValueMemberBOOL:
		return value.Value
	default:
		r.fail(name, fmt.Errorf("it is a %T", value))
		return false
	}
}

// integer reads a whole number; an absent one is zero.
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
		r.fail(name, fmt.Errorf("it is a %T", value))
		return 0
	}
}

// count reads a number that is not negative and fits limit.
func (r *reader) count(name string, limit uint64) uint64 {
	value := r.integer(name)
	if value < 0 || uint64(value) > limit {
		r.fail(name, fmt.Errorf("%d is out of range", value))
		return 0
	}
	return uint64(value)
}

func (r *reader) id(name string) id.ID { return r.parseID(name, r.text(name)) }

// idAfter reads the id behind a key's type prefix.
func (r *reader) idAfter(prefix, name string) id.ID {
	value := r.text(name)
	if len(value) < len(prefix) || value[:len(prefix)] != prefix {
		r.fail(name, fmt.Errorf("it does not begin with %q", prefix))
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

// seconds reads a time; an absent one is the zero time.
func (r *reader) seconds(name string) time.Time {
	if r.item[name] == nil {
		return time.Time{}
	}
	return time.Unix(r.integer(name), 0).UTC()
}

// millis reads a time; an absent one is the zero time.
func (r *reader) millis(name string) time.Time {
	if r.item[name] == nil {
		return time.Time{}
	}
	return time.UnixMilli(r.integer(name)).UTC()
}
