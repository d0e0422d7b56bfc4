package streams

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// parseTest reads an element of a pattern's list: a value that must be met exactly, or an operator.
func parseTest(element any) (test, error) {
	switch element := element.(type) {
	case []any:
		return nil, fmt.Errorf("a list stands in a list")
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
		argument, given := object[name]
		if !given {
			continue
		}
		parsed, err := parse(argument)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return parsed, nil
	}
	return nil, fmt.Errorf("the operator %s is not understood by the local host", slices.Collect(maps.Keys(object))[0])
}

var operators = map[string]func(argument any) (test, error){
	"exists":       parseExists,
	"prefix":       parsePrefix,
	"anything-but": parseAnythingBut,
	"numeric":      parseNumeric,
}

func parseExists(argument any) (test, error) {
	wanted, ok := argument.(bool)
	if !ok {
		return nil, fmt.Errorf("true or false is needed")
	}
	return func(_ any, present bool) bool { return present == wanted }, nil
}

func parsePrefix(argument any) (test, error) {
	prefix, ok := argument.(string)
	if !ok {
		return nil, fmt.Errorf("a string is needed")
	}
	return func(leaf any, _ bool) bool {
		text, ok := leaf.(string)
		return ok && strings.HasPrefix(text, prefix)
	}, nil
}

// parseAnythingBut takes a value or a list of values. A field that is not there is not anything.
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
			return nil, fmt.Errorf("a string, a number or a list of them is needed")
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

// parseNumeric takes one comparison, or two for a range, as in [">", 0, "<=", 5]. It is for numbers of JSON, of which a record has two: the
// numbers of an item are strings there.
func parseNumeric(argument any) (test, error) {
	list, _ := argument.([]any)
	if len(list) != 2 && len(list) != 4 {
		return nil, fmt.Errorf("a list of one or two comparisons is needed")
	}
	var all []func(value float64) bool
	for i := 0; i < len(list); i += 2 {
		sign, _ := list[i].(string)
		compare, known := comparisons[sign]
		bound, isNumber := list[i+1].(float64)
		if !known || !isNumber {
			return nil, fmt.Errorf("%v %v is no comparison", list[i], list[i+1])
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
