package template

import (
	"slices"

	"go.yaml.in/yaml/v3"
)

// Resource types that the host uses.
const (
	typeFunction = "AWS::Serverless::Function"
	typeTable    = "AWS::DynamoDB::Table"
	typeAPI      = "AWS::Serverless::HttpApi"
)

// loader creates a Template from the document.
type loader struct {
	root      *yaml.Node
	overrides map[string]string
	*resolver
	api    *yaml.Node         // the resource of the HTTP API
	routes map[string][]Route // by the logical id of the function
	out    Template
}

func (l *loader) load() (*Template, error) {
	l.routes = make(map[string][]Route)
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
		return nil, at(l.root, "the template has no Resources")
	}
	if err := l.setParameters(find(l.root, "Parameters"), l.parameterOverrides()); err != nil {
		return nil, err
	}
	// The functions are last, because they use the routes of the API and refer to tables.
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

// each calls read with every resource of the type whose condition, if any, is true.
func (l *loader) each(kind string, read func(name, resource *yaml.Node) error) error {
	for name, resource := range pairs(l.resources) {
		if resourceType := find(resource, "Type"); resourceType == nil || resourceType.Value != kind {
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

// parameterOverrides returns the values of parameters that an override of a variable determines: a variable whose value is a plain
// Ref of the parameter. If there are several such variables, the alphabetically first one sets the parameter. Each variable keeps its
// own override.
func (l *loader) parameterOverrides() map[string]string {
	setBy := make(map[string]string)
	for variable, parameter := range l.plainRefs() {
		_, overridden := l.overrides[variable]
		if previous, ok := setBy[parameter]; overridden && (!ok || variable < previous) {
			setBy[parameter] = variable
		}
	}
	values := make(map[string]string, len(setBy))
	for parameter, variable := range setBy {
		values[parameter] = l.overrides[variable]
	}
	return values
}

// plainRefs returns the variables of all functions whose value is a plain Ref, with the name that each refers to.
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

// used merges Globals into the named properties of a resource, resolves them, and decodes them into target.
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

// refuse returns an error if there is a property with one of the names. They are the properties that change the behavior in a way that
// the host does not support.
func refuse(properties *yaml.Node, kind string, names ...string) error {
	for key := range pairs(properties) {
		if slices.Contains(names, key.Value) {
			return at(key, "the local host does not support %s of %s", key.Value, kind)
		}
	}
	return nil
}

// only returns an error if there is a property without one of the names, because an unknown property may change the behavior.
func only(properties *yaml.Node, kind string, names ...string) error {
	for key := range pairs(properties) {
		if !slices.Contains(names, key.Value) {
			return at(key, "the local host does not support %s of %s", key.Value, kind)
		}
	}
	return nil
}

func plainOrAbsent(node *yaml.Node) bool { return node == nil || plainMapping(node) }
