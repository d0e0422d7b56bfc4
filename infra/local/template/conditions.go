package template

import "go.yaml.in/yaml/v3"

// present reports whether a resource exists, which depends on its Condition if it has one.
func (r *resolver) present(resource *yaml.Node) (bool, error) {
	condition := find(resource, "Condition")
	if condition == nil {
		return true, nil
	}
	return r.holds(condition)
}

// holds evaluates the condition that node names.
func (r *resolver) holds(node *yaml.Node) (bool, error) {
	name := node.Value
	condition := find(r.conditions, name)
	if condition == nil {
		return false, at(node, "the template has no condition %q", name)
	}
	if r.deciding[name] {
		return false, at(node, "condition %s depends on itself", name)
	}
	r.deciding[name] = true
	defer delete(r.deciding, name)
	return r.truth(condition)
}

// truth evaluates a condition expression.
func (r *resolver) truth(node *yaml.Node) (bool, error) {
	name, argument, ok := call(node)
	if !ok {
		return false, at(node, "this value must be a condition")
	}
	switch name {
	case "Condition":
		return r.holds(argument)
	case "Equals":
		return r.equal(node, argument)
	case "Not":
		parts, err := arguments(node, argument, name, 1, 1)
		if err != nil {
			return false, err
		}
		holds, err := r.truth(parts[0])
		return !holds && err == nil, err
	case "And":
		return r.junction(node, argument, name, false)
	case "Or":
		return r.junction(node, argument, name, true)
	}
	return false, at(node, "the local host does not support %s in a condition", spelling(node, name))
}

// junction evaluates And or Or. decisive is the value of a part that determines the result: false for And, true for Or.
func (r *resolver) junction(node, argument *yaml.Node, name string, decisive bool) (bool, error) {
	parts, err := arguments(node, argument, name, 2, 10)
	if err != nil {
		return false, err
	}
	for _, part := range parts {
		holds, err := r.truth(part)
		if err != nil {
			return false, err
		}
		if holds == decisive {
			return decisive, nil
		}
	}
	return !decisive, nil
}

func (r *resolver) equal(node, argument *yaml.Node) (bool, error) {
	parts, err := arguments(node, argument, "Equals", 2, 2)
	if err != nil {
		return false, err
	}
	left, err := r.text(parts[0])
	if err != nil {
		return false, err
	}
	right, err := r.text(parts[1])
	return left == right && err == nil, err
}
