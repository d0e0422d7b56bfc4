package template

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// resolver replaces intrinsic functions by their values. It works on demand, so only the parts of the template that the host uses must
// be resolvable.
type resolver struct {
	parameters map[string]string
	faults     map[string]error // by parameter: the reason why it has no value
	lists      map[string]bool  // parameters of type CommaDelimitedList
	conditions *yaml.Node
	resources  *yaml.Node
	deciding   map[string]bool // conditions in evaluation, to detect cycles
	naming     map[string]bool // resources whose name is in evaluation, to detect cycles
}

// noValue represents AWS::NoValue. The resolver removes the key or the list element that has this value.
var noValue = &yaml.Node{}

// resolve returns a copy of node in which every intrinsic function is replaced. The copy has the lines of the original.
func (r *resolver) resolve(node *yaml.Node) (*yaml.Node, error) {
	if name, argument, ok := call(node); ok {
		evaluate, known := r.intrinsics()[name]
		if !known {
			return nil, at(node, "the local host does not support %s", spelling(node, name))
		}
		return evaluate(node, argument)
	}
	if node.Kind == yaml.ScalarNode {
		return node, nil
	}
	resolved := &yaml.Node{Kind: node.Kind, Tag: node.Tag, Line: node.Line, Column: node.Column}
	if node.Kind == yaml.SequenceNode {
		return resolved, r.appendElements(resolved, node)
	}
	for key, value := range pairs(node) {
		value, err := r.resolve(value)
		if err != nil {
			return nil, err
		}
		if value != noValue {
			resolved.Content = append(resolved.Content, key, value)
		}
	}
	return resolved, nil
}

func (r *resolver) appendElements(resolved, node *yaml.Node) error {
	for _, element := range node.Content {
		element, err := r.resolve(element)
		if err != nil {
			return err
		}
		if element != noValue {
			resolved.Content = append(resolved.Content, element)
		}
	}
	return nil
}

// text resolves node to a string.
func (r *resolver) text(node *yaml.Node) (string, error) {
	resolved, err := r.resolve(node)
	if err != nil {
		return "", err
	}
	if resolved.Kind != yaml.ScalarNode {
		return "", at(node, "this value must be a string")
	}
	return resolved.Value, nil
}

// texts resolves node to a list of strings.
func (r *resolver) texts(node *yaml.Node) ([]string, error) {
	resolved, err := r.resolve(node)
	if err != nil {
		return nil, err
	}
	if resolved.Kind != yaml.SequenceNode {
		return nil, at(node, "this value must be a list")
	}
	list := make([]string, len(resolved.Content))
	for i, element := range resolved.Content {
		if element.Kind != yaml.ScalarNode {
			return nil, at(element, "this value must be a string")
		}
		list[i] = element.Value
	}
	return list, nil
}

// call returns the name and the argument of an intrinsic function in its short form (!If […]) or its long form ({Fn::If: […]}). The
// argument of the short form is the node itself without its tag.
func call(node *yaml.Node) (name string, argument *yaml.Node, ok bool) {
	if name, ok = shortForm(node); ok {
		bare := *node
		bare.Tag = map[yaml.Kind]string{yaml.ScalarNode: "!!str", yaml.SequenceNode: "!!seq", yaml.MappingNode: "!!map"}[node.Kind]
		return name, &bare, true
	}
	if node.Kind != yaml.MappingNode || len(node.Content) != 2 {
		return "", nil, false
	}
	switch key := node.Content[0].Value; {
	case key == "Ref", key == "Condition":
		return key, node.Content[1], true
	case strings.HasPrefix(key, "Fn::"):
		return strings.TrimPrefix(key, "Fn::"), node.Content[1], true
	}
	return "", nil, false
}

func shortForm(node *yaml.Node) (string, bool) {
	if strings.HasPrefix(node.Tag, "!!") || !strings.HasPrefix(node.Tag, "!") || len(node.Tag) < 2 {
		return "", false
	}
	return node.Tag[1:], true
}

// spelling returns the name of the function as it is written in the template.
func spelling(node *yaml.Node, name string) string {
	if _, short := shortForm(node); short {
		return "!" + name
	}
	return node.Content[0].Value
}

// arguments returns the elements of list, or an error unless it is a list of least to most elements.
func arguments(node, list *yaml.Node, name string, least, most int) ([]*yaml.Node, error) {
	if list.Kind != yaml.SequenceNode || len(list.Content) < least || len(list.Content) > most {
		if least == most {
			return nil, at(node, "%s needs a list of %d", spelling(node, name), least)
		}
		return nil, at(node, "%s needs a list of %d to %d", spelling(node, name), least, most)
	}
	return list.Content, nil
}
