package streams

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// matcher reports whether it matches the value of a field. If the record lacks the field, present is false and value is nil.
type matcher interface {
	matches(value any, present bool) bool
}

// pattern is an EventBridge pattern, with which Lambda filters records ("Control which events Lambda sends to your function" in
// the Lambda guide). It matches if every field that it names matches.
type pattern map[string]matcher

// anyOf is a list in a pattern. It matches if one of its tests does.
type anyOf []test

// test reports whether a leaf matches. A leaf is a string, a number, a boolean or null.
type test func(leaf any, present bool) bool

// parsePattern parses a pattern. It supports the operators exists, prefix, anything-but and numeric. Any other operator is an
// error, because a filter that works differently here would fail only after deployment.
func parsePattern(text string) (pattern, error) {
	var fields map[string]any
	if err := json.Unmarshal([]byte(text), &fields); err != nil {
		return nil, fmt.Errorf("parsing the filter %s: %w", text, err)
	}
	p, err := parseFields(fields)
	if err != nil {
		return nil, fmt.Errorf("parsing the filter %s: %w", text, err)
	}
	return p, nil
}

func parseFields(fields map[string]any) (pattern, error) {
	if len(fields) == 0 {
		return nil, fmt.Errorf("the object names no field")
	}
	p := make(pattern, len(fields))
	for _, name := range slices.Sorted(maps.Keys(fields)) { // sorted, so that the same one of several errors is reported
		if strings.HasPrefix(name, "$") {
			return nil, fmt.Errorf("the local host does not support %s", name)
		}
		var err error
		switch value := fields[name].(type) {
		case map[string]any:
			p[name], err = parseFields(value)
		case []any:
			p[name], err = parseTests(value)
		default:
			err = fmt.Errorf("got %v, want a list or an object", value)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return p, nil
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

// matches implements matcher. A list in the record matches if one of its elements does. A value that is not an object has no
// fields.
func (p pattern) matches(value any, present bool) bool {
	if list, ok := value.([]any); ok {
		return slices.ContainsFunc(list, func(element any) bool { return p.matches(element, present) })
	}
	fields, _ := value.(map[string]any)
	for name, m := range p {
		if field, present := fields[name]; !m.matches(field, present) {
			return false
		}
	}
	return true
}

// matches implements matcher. An object is not a leaf, so tests treat it as absent.
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
