package template

import (
	"slices"

	"go.yaml.in/yaml/v3"
)

// The resource types the host acts on.
const (
	typeFunction = "AWS::Serverless::Function"
	typeTable    = "AWS::DynamoDB::Table"
	typeAPI      = "AWS::Serverless::HttpApi"
)

// loader turns the document into a Template.
type loader struct {
	root      *yaml.Node
	overrides map[string]string
	*resolver
	api  *yaml.Node      // the one HTTP API's resource
	keys map[string]bool // route keys taken
	out  Template
}

func (l *loader) load() (*Template, error) {
	l.keys = make(map[string]bool)
	l.resolver = &resolver{
		parameters: make(map[string]string),
		faults:     make(map[string]error),
		lists:      make(map[string]bool),
		deciding:   make(map[string]bool),
		naming:     make(map[string]bool),
		conditions: find(l.root, "Conditions"),
		resources:  find(l.root, "Resources"),
	}
	if !plainOrAbsent(l.resources) || l.resources == nil {
		return nil, at(l.root, "there are no Resources")
	}
	if err := l.setParameters(find(l.root, "Parameters"), l.parameterOverrides()); err != nil {
		return nil, err
	}
	// The functions last: their events refer to the API and to tables.
	for _, kind := range []struct {
		name string
		read func(name, resource *yaml.Node) error
	}{{typeAPI, l.readAPI}, {typeTable, l.readTable}, {typeFunction, l.readFunction}} {
		if err := l.each(kind.name, kind.read); err != nil {
			return nil, err
		}
	}
	return &l.out, nil
}

// each calls read with every resource of the type that its condition leaves in.
func (l *loader) each(kind string, read func(name, resource *yaml.Node) error) error {
	for name, resource := range pairs(l.resources) {
		if declared := find(resource, "Type"); declared == nil || declared.Value != kind {
			continue
		}
		present, err := l.present(resource)
		if err != nil {
			return err
		}
		if !present {
			continue
		}
		if err := read(name, resource); err != nil {
			return err
		}
	}
	return nil
}

// parameterOverrides maps parameters to the override of a variable that is a plain Ref of them.
// Of several variables with overrides the alphabetically first sets the parameter; each keeps its own value.
func (l *loader) parameterOverrides() map[string]string {
	setBy := make(map[string]string)
	for variable, parameter := range l.plainRefs() {
		_, given := l.overrides[variable]
		if earlier, taken := setBy[parameter]; given && (!taken || variable < earlier) {
			setBy[parameter] = variable
		}
	}
	values := make(map[string]string, len(setBy))
	for parameter, variable := range setBy {
		values[parameter] = l.overrides[variable]
	}
	return values
}

// plainRefs lists the variables of all functions that are a plain Ref, with what they refer to.
func (l *loader) plainRefs() map[string]string {
	environments := []*yaml.Node{find(l.root, "Globals", "Function", "Environment", "Variables")}
	for _, resource := range pairs(l.resources) {
		environments = append(environments, find(resource, "Properties", "Environment", "Variables"))
	}
	refs := make(map[string]string)
	for _, environment := range environments {
		for variable, value := range pairs(environment) {
			if name, argument, ok := call(value); ok && name == "Ref" {
				refs[variable.Value] = argument.Value
			}
		}
	}
	return refs
}

// used resolves the properties of a resource that the host acts on, Globals merged in, and decodes them.
func (l *loader) used(resource, globals *yaml.Node, target any, names ...string) error {
	properties := find(resource, "Properties")
	if !plainOrAbsent(properties) {
		return at(properties, "Properties must be a plain mapping")
	}
	picked := pick(merge(globals, properties), names...)
	if picked.Line == 0 {
		picked.Line = resource.Line
	}
	resolved, err := l.resolve(picked)
	if err != nil {
		return err
	}
	return decode(resolved, target)
}

// refuse fails when a resource has a property that changes behaviour in a way the host does not imitate.
func refuse(properties *yaml.Node, kind string, names ...string) error {
	for key := range pairs(properties) {
		if slices.Contains(names, key.Value) {
			return at(key, "%s of %s is not understood by the local host", key.Value, kind)
		}
	}
	return nil
}

// only fails when something has a property besides names: what the host has not heard of may change behaviour.
func only(properties *yaml.Node, kind string, names ...string) error {
	for key := range pairs(properties) {
		if !slices.Contains(names, key.Value) {
			return at(key, "%s of %s is not understood by the local host", key.Value, kind)
		}
	}
	return nil
}

func plainOrAbsent(node *yaml.Node) bool { return node == nil || plainMapping(node) }
