package dynamo

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// expression is a set of changes and the condition for making them, in the language of DynamoDB. Placeholders stand for all
// names and values. Names therefore come from the constants in schema.go, and reserved words need no exception.
type expression struct {
	update    *string // nil without changes
	condition *string // nil without a condition
	names     map[string]string
	values    item
}

// express returns the expression for making changes if a condition holds. A nil condition always holds.
func express(condition clause, changes ...change) expression {
	p := &placeholders{}
	var e expression
	if len(changes) > 0 {
		text := render(p, changes)
		e.update = &text
	}
	if condition != nil {
		text := condition(p)
		e.condition = &text
	}
	e.names, e.values = p.tables()
	return e
}

// placeholders collects the names and values of one expression. The number of a placeholder is an index.
type placeholders struct {
	names  []string
	values []types.AttributeValue
}

func (p *placeholders) name(attribute string) string {
	i := slices.Index(p.names, attribute)
	if i < 0 {
		i = len(p.names)
		p.names = append(p.names, attribute)
	}
	return "#" + strconv.Itoa(i)
}

func (p *placeholders) value(value types.AttributeValue) string {
	p.values = append(p.values, value)
	return ":" + strconv.Itoa(len(p.values)-1)
}

// tables returns the names and values by placeholder. An empty table is nil, because DynamoDB refuses an empty one.
func (p *placeholders) tables() (names map[string]string, values item) {
	if len(p.names) > 0 {
		names = make(map[string]string, len(p.names))
		for i, name := range p.names {
			names["#"+strconv.Itoa(i)] = name
		}
	}
	if len(p.values) > 0 {
		values = make(item, len(p.values))
		for i, value := range p.values {
			values[":"+strconv.Itoa(i)] = value
		}
	}
	return names, values
}

// clause renders a condition, or a part of one.
type clause func(p *placeholders) string

// present holds for an item that exists, if all further clauses hold for it.
func present(clauses ...clause) clause {
	return and(append([]clause{exists(attrPK)}, clauses...)...)
}

// missing holds for a key without an item.
func missing() clause { return absent(attrPK) }

func exists(attribute string) clause {
	return func(p *placeholders) string { return "attribute_exists(" + p.name(attribute) + ")" }
}

func absent(attribute string) clause {
	return func(p *placeholders) string { return "attribute_not_exists(" + p.name(attribute) + ")" }
}

func equal(attribute string, value types.AttributeValue) clause {
	return compare(attribute, "=", value)
}

// numberIs holds if an attribute has the number. An absent one counts as zero.
func numberIs(attribute string, want int) clause {
	if want == 0 {
		return or(absent(attribute), equal(attribute, number(0)))
	}
	return equal(attribute, number(want))
}

// compare holds if the item has the attribute, and its value has the relation to the given one: "=", "<>", "<=" or ">".
func compare(attribute, relation string, value types.AttributeValue) clause {
	return func(p *placeholders) string { return p.name(attribute) + " " + relation + " " + p.value(value) }
}

// oneOf holds if the item has the attribute with one of the values.
func oneOf(attribute string, values ...types.AttributeValue) clause {
	return func(p *placeholders) string {
		list := make([]string, len(values))
		for i, value := range values {
			list[i] = p.value(value)
		}
		return p.name(attribute) + " IN (" + strings.Join(list, ", ") + ")"
	}
}

func and(clauses ...clause) clause {
	return func(p *placeholders) string { return join(p, " AND ", clauses) }
}

func or(clauses ...clause) clause {
	return func(p *placeholders) string { return "(" + join(p, " OR ", clauses) + ")" }
}

func join(p *placeholders, operator string, clauses []clause) string {
	parts := make([]string, len(clauses))
	for i, part := range clauses {
		parts[i] = part(p)
	}
	return strings.Join(parts, operator)
}

// change is one change of an item.
type change struct {
	section string // of an update expression
	render  clause
}

func set(attribute string, value types.AttributeValue) change {
	return change{"SET", compare(attribute, "=", value)}
}

// setDefault sets an attribute that the item does not have yet.
func setDefault(attribute string, value types.AttributeValue) change {
	return change{"SET", func(p *placeholders) string {
		name := p.name(attribute)
		return name + " = if_not_exists(" + name + ", " + p.value(value) + ")"
	}}
}

// increase adds to a number that the item must have.
func increase(attribute string, by int) change {
	return change{"SET", func(p *placeholders) string {
		name := p.name(attribute)
		return name + " = " + name + " + " + p.value(number(by))
	}}
}

// add adds to a number. An absent number counts as zero.
func add(attribute string, by int) change {
	return change{"ADD", func(p *placeholders) string { return p.name(attribute) + " " + p.value(number(by)) }}
}

func remove(attribute string) change {
	return change{"REMOVE", func(p *placeholders) string { return p.name(attribute) }}
}

func render(p *placeholders, changes []change) string {
	var sections []string
	for _, section := range []string{"SET", "ADD", "REMOVE"} {
		var parts []string
		for _, each := range changes {
			if each.section == section {
				parts = append(parts, each.render(p))
			}
		}
		if len(parts) > 0 {
			sections = append(sections, section+" "+strings.Join(parts, ", "))
		}
	}
	return strings.Join(sections, " ")
}

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
