package template

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// lineError is an error at a line of the template. inFile adds the name of the file.
type lineError struct {
	line int
	text string
}

func (e *lineError) Error() string { return fmt.Sprintf("line %d: %s", e.line, e.text) }

// at returns an error at the line of node.
func at(node *yaml.Node, format string, args ...any) error {
	return &lineError{line: node.Line, text: fmt.Sprintf(format, args...)}
}

// inFile returns err in the form "file:line: text", which editors and terminals show as a link.
func inFile(file string, err error) error {
	if lineErr, ok := errors.AsType[*lineError](err); ok {
		return fmt.Errorf("%s:%d: %s", file, lineErr.line, lineErr.text)
	}
	return fmt.Errorf("%s: %w", file, err)
}

// decode decodes a resolved node into target. The line of an error is that of the value, if the decoder reports it.
func decode(node *yaml.Node, target any) error {
	err := node.Decode(target)
	if mismatch, ok := errors.AsType[*yaml.TypeError](err); ok {
		first := mismatch.Errors[0]
		line := node.Line
		if _, scanErr := fmt.Sscanf(first, "line %d:", &line); scanErr == nil {
			_, first, _ = strings.Cut(first, ": ")
		}
		return &lineError{line: line, text: first}
	}
	return err
}

// wellFormed returns an error for aliases and merge keys, which are valid in YAML but not in CloudFormation, and for duplicate keys,
// which the decoder of nodes does not detect.
func wellFormed(node *yaml.Node) error {
	if node.Kind == yaml.AliasNode || node.Anchor != "" {
		return at(node, "CloudFormation does not support YAML anchors and aliases")
	}
	if node.Kind == yaml.MappingNode {
		seen := make(map[string]bool, len(node.Content)/2)
		for key := range pairs(node) {
			switch {
			case key.Value == "<<":
				return at(key, "CloudFormation does not support YAML merge keys")
			case seen[key.Value]:
				return at(key, "the key %s is a duplicate", key.Value)
			}
			seen[key.Value] = true
		}
	}
	for _, child := range node.Content {
		if err := wellFormed(child); err != nil {
			return err
		}
	}
	return nil
}

// pairs yields the keys and values of a mapping. It yields nothing for any other node.
func pairs(node *yaml.Node) func(yield func(key, value *yaml.Node) bool) {
	return func(yield func(key, value *yaml.Node) bool) {
		if node == nil || node.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(node.Content); i += 2 {
			if !yield(node.Content[i], node.Content[i+1]) {
				return
			}
		}
	}
}

// find returns the value at the path of names in nested mappings, or nil if there is none.
func find(node *yaml.Node, names ...string) *yaml.Node {
	for _, name := range names {
		var next *yaml.Node
		for key, value := range pairs(node) {
			if key.Value == name {
				next = value
			}
		}
		node = next
	}
	return node
}

// pick returns a copy of the mapping with the given keys only, so that only properties that the host uses must be resolvable.
func pick(node *yaml.Node, names ...string) *yaml.Node {
	picked := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	if node != nil {
		picked.Line, picked.Column = node.Line, node.Column
	}
	for key, value := range pairs(node) {
		for _, name := range names {
			if key.Value == name {
				picked.Content = append(picked.Content, key, value)
			}
		}
	}
	return picked
}

// merge merges specific into global as SAM does with Globals: it merges mappings key by key and replaces any other value as a whole.
func merge(global, specific *yaml.Node) *yaml.Node {
	if global == nil || specific == nil || !plainMapping(global) || !plainMapping(specific) {
		if specific == nil {
			return global
		}
		return specific
	}
	merged := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: specific.Line, Column: specific.Column}
	for key, value := range pairs(global) {
		merged.Content = append(merged.Content, key, merge(value, find(specific, key.Value)))
	}
	for key, value := range pairs(specific) {
		if find(global, key.Value) == nil {
			merged.Content = append(merged.Content, key, value)
		}
	}
	return merged
}

// plainMapping reports whether node is a mapping and not an intrinsic function.
func plainMapping(node *yaml.Node) bool {
	if node.Kind != yaml.MappingNode {
		return false
	}
	_, _, intrinsic := call(node)
	return !intrinsic
}

// scalar returns a node with the text at the line of the node that it replaces. All values of CloudFormation are text. The tag allows
// text that looks like a number or a boolean to be decoded into a property of that type.
func scalar(origin *yaml.Node, text string) *yaml.Node {
	tag := "!!str"
	if _, err := strconv.Atoi(text); err == nil {
		tag = "!!int"
	} else if text == "true" || text == "false" {
		tag = "!!bool"
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: text, Line: origin.Line, Column: origin.Column}
}
