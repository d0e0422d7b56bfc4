package template

import (
	"slices"

	"go.yaml.in/yaml/v3"
)

func (l *loader) readTable(id, resource *yaml.Node) error {
	name := id.Value
	if err := refuse(find(resource, "Properties"), typeTable, "GlobalSecondaryIndexes", "LocalSecondaryIndexes"); err != nil {
		return err
	}
	properties := struct {
		TableName            string      `yaml:"TableName"`
		AttributeDefinitions []Attribute `yaml:"AttributeDefinitions"`
		KeySchema            []Key       `yaml:"KeySchema"`
		TimeToLive           struct {
			AttributeName string `yaml:"AttributeName"`
			Enabled       bool   `yaml:"Enabled"`
		} `yaml:"TimeToLiveSpecification"`
		Stream struct {
			ViewType string `yaml:"StreamViewType"`
		} `yaml:"StreamSpecification"`
	}{TableName: name}
	err := l.used(resource, nil, &properties,
		"TableName", "AttributeDefinitions", "KeySchema", "TimeToLiveSpecification", "StreamSpecification")
	if err != nil {
		return err
	}
	table := Table{
		LogicalID:  name,
		Name:       properties.TableName,
		Attributes: properties.AttributeDefinitions,
		Keys:       properties.KeySchema,
		StreamView: properties.Stream.ViewType,
	}
	if properties.TimeToLive.Enabled {
		table.TTL = properties.TimeToLive.AttributeName
	}
	if !table.keyed() {
		return at(id, "the KeySchema of table %s must have one HASH and at most one RANGE attribute, which it must define", name)
	}
	l.out.Tables = append(l.out.Tables, table)
	return nil
}

// StreamARN returns the ARN of the table's stream in the local account, which is also the one in events. It returns "" if the table has
// no stream.
func (t Table) StreamARN() string {
	if t.StreamView == "" {
		return ""
	}
	return streamARN(t.Name)
}

// keyed reports whether DynamoDB accepts the key schema.
func (t Table) keyed() bool {
	for i, key := range t.Keys {
		defined := slices.ContainsFunc(t.Attributes, func(a Attribute) bool { return a.Name == key.Name })
		if !defined || key.Type != [...]string{"HASH", "RANGE"}[min(i, 1)] {
			return false
		}
	}
	return len(t.Keys) == 1 || len(t.Keys) == 2
}
