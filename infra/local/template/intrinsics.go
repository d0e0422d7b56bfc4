package template

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// intrinsic evaluates an intrinsic function with its argument. node is the whole call, which errors need for its line.
type intrinsic func(node, argument *yaml.Node) (*yaml.Node, error)

// intrinsics returns the supported functions that return a value, by name without "Fn::". conditions.go evaluates the functions of
// conditions.
func (r *resolver) intrinsics() map[string]intrinsic {
	return map[string]intrinsic{
		"Ref":    r.ref,
		"Sub":    r.sub,
		"If":     r.choose,
		"GetAtt": r.getAtt,
		"Join":   r.join,
		"Split":  r.split,
	}
}

func (r *resolver) ref(node, argument *yaml.Node) (*yaml.Node, error) {
	name := argument.Value
	if name == "AWS::NoValue" {
		return noValue, nil
	}
	value, err := r.value(node, name)
	if err != nil {
		return nil, err
	}
	if r.lists[name] {
		return sequence(node, strings.Split(value, ",")), nil
	}
	return scalar(node, value), nil
}

// value returns the Ref of a parameter, a pseudo parameter or a resource. The Ref of a resource is its logical id, or the TableName of
// a table that has one.
func (r *resolver) value(node *yaml.Node, name string) (string, error) {
	if value, ok := pseudo[name]; ok {
		return value, nil
	}
	if err := r.faults[name]; err != nil {
		return "", err
	}
	if value, ok := r.parameters[name]; ok {
		return value, nil
	}
	resource, err := r.resource(node, name)
	if err != nil {
		return "", err
	}
	tableName := find(resource, "Properties", "TableName")
	if tableName == nil {
		return name, nil
	}
	if r.naming[name] {
		return "", at(node, "the name of %s depends on itself", name)
	}
	r.naming[name] = true
	defer delete(r.naming, name)
	return r.text(tableName)
}

// resource returns a resource. It returns an error if the condition of the resource is false.
func (r *resolver) resource(node *yaml.Node, name string) (*yaml.Node, error) {
	resource := find(r.resources, name)
	if resource == nil {
		return nil, at(node, "%s is neither a parameter nor a resource", name)
	}
	present, err := r.present(resource)
	if err != nil {
		return nil, err
	}
	if !present {
		return nil, at(node, "the condition of %s is false", name)
	}
	return resource, nil
}

func (r *resolver) getAtt(node, argument *yaml.Node) (*yaml.Node, error) {
	name, attribute, _ := strings.Cut(argument.Value, ".")
	if argument.Kind == yaml.SequenceNode {
		parts, err := arguments(node, argument, "GetAtt", 2, 2)
		if err != nil {
			return nil, err
		}
		name, attribute = parts[0].Value, parts[1].Value
	}
	value, err := r.attribute(node, name, attribute)
	if err != nil {
		return nil, err
	}
	return scalar(node, value), nil
}

// attribute returns an attribute of a resource, in the form that it has in AWS. It supports the attributes that templates pass to
// functions.
func (r *resolver) attribute(node *yaml.Node, name, attribute string) (string, error) {
	resource, err := r.resource(node, name)
	if err != nil {
		return "", err
	}
	physical, err := r.value(node, name)
	if err != nil {
		return "", err
	}
	kind := find(resource, "Type")
	switch {
	case kind == nil:
		return "", at(resource, "%s has no Type", name)
	case kind.Value == typeTable && attribute == "Arn":
		return arn("dynamodb", "table/"+physical), nil
	case kind.Value == typeTable && attribute == "StreamArn" && find(resource, "Properties", "StreamSpecification") != nil:
		return streamARN(physical), nil
	case kind.Value == typeFunction && attribute == "Arn":
		return FunctionARN(physical), nil
	}
	return "", at(node, "the local host does not support the attribute %s of %s (%s)", attribute, name, kind.Value)
}

func arn(service, resource string) string {
	return "arn:aws:" + service + ":" + Region + ":" + AccountID + ":" + resource
}

func streamARN(table string) string {
	return arn("dynamodb", "table/"+table+"/stream/2020-01-01T00:00:00.000")
}

// FunctionARN returns the ARN of the function with that name in the local account.
func FunctionARN(name string) string { return arn("lambda", "function:"+name) }

func (r *resolver) choose(node, argument *yaml.Node) (*yaml.Node, error) {
	parts, err := arguments(node, argument, "If", 3, 3)
	if err != nil {
		return nil, err
	}
	holds, err := r.holds(parts[0])
	if err != nil {
		return nil, err
	}
	if holds {
		return r.resolve(parts[1])
	}
	return r.resolve(parts[2])
}

func (r *resolver) join(node, argument *yaml.Node) (*yaml.Node, error) {
	parts, err := arguments(node, argument, "Join", 2, 2)
	if err != nil {
		return nil, err
	}
	list, err := r.texts(parts[1])
	if err != nil {
		return nil, err
	}
	return scalar(node, strings.Join(list, parts[0].Value)), nil
}

func (r *resolver) split(node, argument *yaml.Node) (*yaml.Node, error) {
	parts, err := arguments(node, argument, "Split", 2, 2)
	if err != nil {
		return nil, err
	}
	text, err := r.text(parts[1])
	if err != nil {
		return nil, err
	}
	if parts[0].Value == "" {
		return nil, at(node, "%s needs a delimiter", spelling(node, "Split"))
	}
	return sequence(node, strings.Split(text, parts[0].Value)), nil
}

func sequence(origin *yaml.Node, texts []string) *yaml.Node {
	list := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Line: origin.Line, Column: origin.Column}
	for _, text := range texts {
		list.Content = append(list.Content, scalar(origin, text))
	}
	return list
}
