package streams

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// parseTest parses an element of a list in a pattern: a value that must be equal, or an operator.
func parseTest(element any) (test, error) {
	switch element := element.(type) {
	case []any:
		return nil, fmt.Errorf("a list must not contain a list")
	case map[string]any:
		return parseOperator(element)
	}
	return func(leaf any, present bool) bool { return present && leaf == element }, nil
}

func parseOperator(object map[string]any) (test, error) {
	if len(object) != 1 {
		return nil, fmt.Errorf("an object in a list must have one operator, not %d", len(object))
	}
	for name, parse := range operators {
		argument, ok := object[name]
		if !ok {
			continue
		}
		test, err := parse(argument)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return test, nil
	}
	return nil, fmt.Errorf("the local host does not support the operator %s", slices.Collect(maps.Keys(object))[0])
}

var operators = map[string]func(argument any) (test, error){
	"exists":       parseExists,
	"prefix":       parsePrefix,
	"anything-but": parseAnythingBut,
	"numeric":      parseNumeric,
}

func parseExists(argument any) (test, error) {
	want, ok := argument.(bool)
	if !ok {
		return nil, fmt.Errorf("got %v, want true or false", argument)
	}
	return func(_ any, present bool) bool { return present == want }, nil
}

func parsePrefix(argument any) (test, error) {
	prefix, ok := argument.(string)
	if !ok {
		return nil, fmt.Errorf("got %v, want a string", argument)
	}
	return func(leaf any, _ bool) bool {
		text, ok := leaf.(string)
		return ok && strings.HasPrefix(text, prefix)
	}, nil
}

// parseAnythingBut parses a value or a list of values. An absent field does not match.
func parseAnythingBut(argument any) (test, error) {
	list, ok := argument.([]any)
	if !ok {
		list = []any{argument}
	}
	excluded := make(map[any]bool, len(list))
	for _, value := range list {
		switch value.(type) {
		case string, float64:
			excluded[value] = true
		default:
			return nil, fmt.Errorf("got %v, want a string, a number or a list of them", value)
		}
	}
	if len(excluded) == 0 {
		return nil, fmt.Errorf("the list is empty")
	}
	return func(leaf any, present bool) bool { return present && !excluded[leaf] }, nil
}

var comparisons = map[string]func(value, bound float64) bool{
	"=":  func(value, bound float64) bool { return value == bound },
	"<":  func(value, bound float64) bool { return value < bound },
	"<=": func(value, bound float64) bool { return value <= bound },
	">":  func(value, bound float64) bool { return value > bound },
	">=": func(value, bound float64) bool { return value >= bound },
}

// parseNumeric parses one comparison, or two for a range, as in [">", 0, "<=", 5]. It applies to JSON numbers. A record has
// only two of them, because the numbers of an item are strings in DynamoDB's JSON.
func parseNumeric(argument any) (test, error) {
	list, _ := argument.([]any)
	if len(list) != 2 && len(list) != 4 {
		return nil, fmt.Errorf("got %v, want a list of one or two comparisons", argument)
	}
	var all []func(value float64) bool
	for i := 0; i < len(list); i += 2 {
		operator, _ := list[i].(string)
		compare, known := comparisons[operator]
		bound, isNumber := list[i+1].(float64)
		if !known || !isNumber {
			return nil, fmt.Errorf("%v %v is not a comparison", list[i], list[i+1])
		}
		all = append(all, func(value float64) bool { return compare(value, bound) })
	}
	return func(leaf any, _ bool) bool {
		value, holds := leaf.(float64)
		for _, each := range all {
			holds = holds && each(value)
		}
		return holds
	}, nil
}
