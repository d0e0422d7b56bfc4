package template

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// sub evaluates Sub, whose argument is a text, or a list of a text and a mapping with additional variables.
func (r *resolver) sub(node, argument *yaml.Node) (*yaml.Node, error) {
	text, variables := argument, (*yaml.Node)(nil)
	if argument.Kind == yaml.SequenceNode {
		parts, err := arguments(node, argument, "Sub", 2, 2)
		if err != nil {
			return nil, err
		}
		text, variables = parts[0], parts[1]
	}
	if text.Kind != yaml.ScalarNode {
		return nil, at(node, "%s needs a string", spelling(node, "Sub"))
	}
	result, err := substitute(text.Value, func(name string) (string, error) {
		return r.variable(node, variables, name)
	})
	if err != nil {
		return nil, err
	}
	if result.open {
		return nil, at(node, "${ without } in %q", text.Value)
	}
	return scalar(node, result.text), nil
}

// variable returns the value of ${name}: the additional variable of that name, or the attribute if the name has a dot, or else its Ref.
func (r *resolver) variable(node, variables *yaml.Node, name string) (string, error) {
	if value := find(variables, name); value != nil {
		return r.text(value)
	}
	if resource, attribute, ok := strings.Cut(name, "."); ok {
		return r.attribute(node, resource, attribute)
	}
	return r.value(node, name)
}

type substitution struct {
	text string
	open bool // the text has a ${ without }
}

// substitute replaces each ${name} in text by the result of lookup, and each ${!name} by the literal ${name}.
func substitute(text string, lookup func(name string) (string, error)) (substitution, error) {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, "${")
		out.WriteString(before)
		if !found {
			return substitution{text: out.String()}, nil
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			return substitution{open: true}, nil
		}
		text = after
		if literal, escaped := strings.CutPrefix(name, "!"); escaped {
			out.WriteString("${" + literal + "}")
			continue
		}
		value, err := lookup(name)
		if err != nil {
			return substitution{}, err
		}
		out.WriteString(value)
	}
}
