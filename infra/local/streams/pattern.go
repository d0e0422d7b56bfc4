package streams

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// matcher judges the value of a field; present is false, and value nil, where the record has no such field.
type matcher interface {
	matches(value any, present bool) bool
}

// pattern is an EventBridge pattern as Lambda filters records with it ("Control which events Lambda sends to your function" in the
// Lambda guide): every field named must match; fields that are not named do not matter.
type pattern map[string]matcher

// anyOf is a list of a pattern: one of the tests must hold.
type anyOf []test

// test judges a leaf: a string, a number, a truth value or null.
type test func(leaf any, present bool) bool

// parsePattern reads a pattern. Of the operators it knows exists, prefix, anything-but and numeric; any other is an error, since what is
// filtered otherwise than in AWS would be found out only there.
func parsePattern(text string) (pattern, error) {
	var fields map[string]any
	if err := json.Unmarshal([]byte(text), &fields); err != nil {
		return nil, fmt.Errorf("reading the filter %s: %w", text, err)
	}
	parsed, err := parseFields(fields)
	if err != nil {
		return nil, fmt.Errorf("reading the filter %s: %w", text, err)
	}
	return parsed, nil
}

func parseFields(fields map[string]any) (pattern, error) {
	if len(fields) == 0 {
		return nil, fmt.Errorf("an object names no field")
	}
	parsed := make(pattern, len(fields))
	for _, name := range slices.Sorted(maps.Keys(fields)) { // of several errors always the same
		if strings.HasPrefix(name, "$") {
			return nil, fmt.Errorf("%s is not understood by the local host", name)
		}
		var err error
		switch value := fields[name].(type) {
		case map[string]any:
			parsed[name], err = parseFields(value)
		case []any:
			parsed[name], err = parseTests(value)
		default:
			err = fmt.Errorf("it must be a list or an object")
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return parsed, nil
}

func parseTests(list []any) (anyOf, error) {
	if len(list) == 0 {
		return nil, fmt.Errorf("the list is empty")
	}
	tests := make(anyOf, len(list))
	for i, element := range list {
		var err error
		if tests[i], err = parseTest(element); err != nil {
			return nil, err
		}
	}
	return tests, nil
}

// matches implements matcher. A list in the record matches if one of its elements does; a field of what is no object is not there.
func (p pattern) matches(value any, present bool) bool {
	if list, ok := value.([]any); ok {
		return slices.ContainsFunc(list, func(element any) bool { return p.matches(element, present) })
	}
	fields, _ := value.(map[string]any)
	for name, wanted := range p {
		if field, has := fields[name]; !wanted.matches(field, has) {
			return false
		}
	}
	return true
}

// matches implements matcher. What is an object has no value of its own, and so is not there for a test.
func (tests anyOf) matches(value any, present bool) bool {
	if list, ok := value.([]any); ok && len(list) > 0 {
		return slices.ContainsFunc(list, func(element any) bool { return tests.matches(element, present) })
	}
	switch value.(type) {
	case map[string]any, []any:
		value, present = nil, false
	}
	return slices.ContainsFunc(tests, func(t test) bool { return t(value, present) })
}
