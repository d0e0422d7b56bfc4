package roles

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// sam is the part of a template that contains the roles.
type sam struct {
	Resources map[string]struct {
		Type       string `yaml:"Type"`
		Properties struct {
			Policies []policy `yaml:"Policies"`       // of a function
			Document policy   `yaml:"PolicyDocument"` // of a managed policy
		} `yaml:"Properties"`
	} `yaml:"Resources"`
}

// policy is a document with statements, or a reference to a managed policy, which has no statements here. The reference may depend
// on a condition.
type policy struct {
	Statement []statement
}

// UnmarshalYAML implements [yaml.Unmarshaler].
func (p *policy) UnmarshalYAML(node *yaml.Node) error {
	if isReference(node) {
		return nil
	}
	var document struct {
		Statement []statement `yaml:"Statement"`
	}
	err := node.Decode(&document)
	p.Statement = document.Statement
	return err
}

func isReference(node *yaml.Node) bool {
	if node.Kind == yaml.SequenceNode && node.Tag == "!If" {
		return !slices.ContainsFunc(node.Content, func(part *yaml.Node) bool { return part.Kind != yaml.ScalarNode })
	}
	return node.Kind == yaml.ScalarNode
}

// statement is a statement of a policy. Its condition maps operators to keys, and keys to values.
type statement struct {
	Effect    string                          `yaml:"Effect"`
	Action    stringList                      `yaml:"Action"`
	Resource  yaml.Node                       `yaml:"Resource"`
	Condition map[string]map[string]yaml.Node `yaml:"Condition"`
}

// stringList is a string or a list of strings.
type stringList []string

// UnmarshalYAML implements [yaml.Unmarshaler].
func (t *stringList) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		*t = stringList{node.Value}
		return nil
	}
	return node.Decode((*[]string)(t))
}

const service = "dynamodb:"

// grants returns the grants of a statement about DynamoDB, and none for a statement about another service.
func (s statement) grants(function string) ([]Grant, error) {
	if !slices.ContainsFunc(s.Action, func(action string) bool { return strings.HasPrefix(action, service) || action == "*" }) {
		return nil, nil
	}
	if strings.HasSuffix(s.Resource.Value, ".StreamArn") { // Lambda itself reads the stream; the function does not call it
		return nil, nil
	}
	table, isARN := strings.CutSuffix(s.Resource.Value, ".Arn")
	keys, err := s.leadingKeys()
	switch {
	case err != nil:
		return nil, err
	case s.Effect != "Allow", !isARN, s.Resource.Tag != "!GetAtt":
		return nil, fmt.Errorf("line %d: the statement must allow actions on !GetAtt <table>.Arn", s.Resource.Line)
	}
	var grants []Grant
	for _, action := range s.Action {
		for _, key := range keys {
			grants = append(grants, Grant{function, strings.TrimPrefix(action, service), table, key})
		}
	}
	return grants, nil
}

// leadingKeys returns the key patterns of the condition, which must be the only one of the statement.
func (s statement) leadingKeys() (keys []string, err error) {
	node, ok := s.Condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
	if !ok || len(s.Condition) != 1 || node.Decode(&keys) != nil || len(keys) == 0 {
		return nil, fmt.Errorf("line %d: the only condition must be ForAllValues:StringLike on dynamodb:LeadingKeys", s.Resource.Line)
	}
	return keys, nil
}
