package template

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// lineError is an error at a line of the template. The file's name is added once, by inFile.
type lineError struct {
	line int
	text string
}

func (e *lineError) Error() string { return fmt.Sprintf("line %d: %s", e.line, e.text) }

// at is an error at the line of node.
func at(node *yaml.Node, format string, args ...any) error {
	return &lineError{line: node.Line, text: fmt.Sprintf(format, args...)}
}

// inFile puts err in the form file:line: text that editors and terminals make a link of.
func inFile(file string, err error) error {
	if placed, ok := errors.AsType[*lineError](err); ok {
		return fmt.Errorf("%s:%d: %s", file, placed.line, placed.text)
	}
	return fmt.Errorf("%s: %w", file, err)
}

// decode reads a resolved node into target. The decoder's own errors name the line of the value, not of its mapping.
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

// wellFormed refuses what YAML allows and CloudFormation does not (aliases, merge keys), and a key given twice, of
// which the decoder of nodes would silently keep both.
func wellFormed(node *yaml.Node) error {
	if node.Kind == yaml.AliasNode || node.Anchor != "" {
		return at(node, "YAML anchors and aliases are not understood by CloudFormation")
	}
	if node.Kind == yaml.MappingNode {
		seen := make(map[string]bool, len(node.Content)/2)
		for key := range pairs(node) {
			switch {
			case key.Value == "<<":
				return at(key, "YAML merge keys are not understood by CloudFormation")
			case seen[key.Value]:
				return at(key, "%s is given twice", key.Value)
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

// pairs yields the keys and values of a mapping; of any other node, nothing.
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

// find follows names down the mappings from node; nil where one is missing.
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

// pick is the mapping node reduced to the given keys: what the host has no use for need not resolve.
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

// merge lays specific over global as SAM does with Globals: mappings key by key, anything else replaced whole.
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

// plainMapping says whether node is a mapping and no intrinsic function.
func plainMapping(node *yaml.Node) bool {
	if node.Kind != yaml.MappingNode {
		return false
	}
	_, _, intrinsic := call(node)
	return !intrinsic
}

// scalar makes a node of text at the line of the node that it replaces. CloudFormation's values are all text; the tag
// lets one that looks like a number or a truth value be decoded as such where the property is one.
func scalar(origin *yaml.Node, text string) *yaml.Node {
	tag := "!!str"
	if _, err := strconv.Atoi(text); err == nil {
		tag = "!!int"
	} else if text == "true" || text == "false" {
		tag = "!!bool"
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: text, Line: origin.Line, Column: origin.Column}
}
