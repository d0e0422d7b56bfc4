package template

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// intrinsic evaluates one function: node is the whole call, for its line, and argument what it is called with.
type intrinsic func(node, argument *yaml.Node) (*yaml.Node, error)

// intrinsics are the functions of CloudFormation that yield a value, by name without "Fn::".
// Those that yield a condition's truth are in conditions.go.
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

// value is what Ref yields for a parameter, a pseudo parameter or a resource, whose physical name is its logical id.
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
	named := find(resource, "Properties", "TableName")
	if named == nil {
		return name, nil
	}
	if r.naming[name] {
		return "", at(node, "the name of %s depends on itself", name)
	}
	r.naming[name] = true
	defer delete(r.naming, name)
	return r.text(named)
}

// resource finds a resource that is not left out by its condition.
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
		return nil, at(node, "%s is left out by its condition", name)
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

// attribute makes up the attributes that a template hands to functions; their form is that of AWS.
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
	return "", at(node, "the local host knows no attribute %s of %s (%s)", attribute, name, kind.Value)
}

func arn(service, resource string) string {
	return "arn:aws:" + service + ":" + Region + ":" + AccountID + ":" + resource
}

func streamARN(table string) string {
	return arn("dynamodb", "table/"+table+"/stream/2020-01-01T00:00:00.000")
}

// FunctionARN is the made-up ARN of the function with that name.
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
