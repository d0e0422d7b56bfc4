package roles

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// sam is the part of a template that has the roles.
type sam struct {
	Resources map[string]struct {
		Type       string `yaml:"Type"`
		Properties struct {
			Policies []policy `yaml:"Policies"`       // of a function
			Document policy   `yaml:"PolicyDocument"` // of a managed policy
		} `yaml:"Properties"`
	} `yaml:"Resources"`
}

// policy is a document with statements, or the name of a managed policy, which has none here.
type policy struct {
	Statement []statement
}

// UnmarshalYAML implements [yaml.Unmarshaler].
func (p *policy) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		return nil
	}
	var document struct {
		Statement []statement `yaml:"Statement"`
	}
	err := node.Decode(&document)
	p.Statement = document.Statement
	return err
}

// statement is one of a policy. Its condition has operators, each with keys, each with values.
type statement struct {
	Effect    string                          `yaml:"Effect"`
	Action    texts                           `yaml:"Action"`
	Resource  yaml.Node                       `yaml:"Resource"`
	Condition map[string]map[string]yaml.Node `yaml:"Condition"`
}

// texts is one text or a list of them.
type texts []string

// UnmarshalYAML implements [yaml.Unmarshaler].
func (t *texts) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		*t = texts{node.Value}
		return nil
	}
	return node.Decode((*[]string)(t))
}

const service = "dynamodb:"

// grants are those of a statement about DynamoDB; of any other there are none.
func (s statement) grants(function string) ([]Grant, error) {
	if !slices.ContainsFunc(s.Action, func(action string) bool { return strings.HasPrefix(action, service) || action == "*" }) {
		return nil, nil
	}
	if strings.HasSuffix(s.Resource.Value, ".StreamArn") { // read by Lambda itself, so that no function calls it
		return nil, nil
	}
	table, isARN := strings.CutSuffix(s.Resource.Value, ".Arn")
	keys, err := s.leadingKeys()
	switch {
	case err != nil:
		return nil, err
	case s.Effect != "Allow", !isARN, s.Resource.Tag != "!GetAtt":
		return nil, fmt.Errorf("line %d: a statement allows actions on !GetAtt <table>.Arn", s.Resource.Line)
	}
	var grants []Grant
	for _, action := range s.Action {
		for _, key := range keys {
			grants = append(grants, Grant{function, strings.TrimPrefix(action, service), table, key})
		}
	}
	return grants, nil
}

// leadingKeys are the patterns of the one condition that a statement must have.
func (s statement) leadingKeys() (keys []string, err error) {
	node, there := s.Condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
	if !there || len(s.Condition) != 1 || node.Decode(&keys) != nil || len(keys) == 0 {
		return nil, fmt.Errorf("line %d: a statement needs the condition ForAllValues:StringLike on dynamodb:LeadingKeys", s.Resource.Line)
	}
	return keys, nil
}
