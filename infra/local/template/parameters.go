package template

import (
	"regexp"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// pseudo holds the pseudo parameters except AWS::NoValue, which has no value.
var pseudo = map[string]string{
	"AWS::AccountId": AccountID,
	"AWS::Partition": "aws",
	"AWS::Region":    Region,
	"AWS::StackId":   "arn:aws:cloudformation:" + Region + ":" + AccountID + ":stack/local/00000000-0000-4000-8000-000000000000",
	"AWS::StackName": "local",
	"AWS::URLSuffix": "amazonaws.com",
}

// parameter holds the fields of a parameter that determine or restrict its value.
type parameter struct {
	Type           string   `yaml:"Type"`
	Default        *string  `yaml:"Default"`
	AllowedValues  []string `yaml:"AllowedValues"`
	AllowedPattern string   `yaml:"AllowedPattern"`
	MinValue       *float64 `yaml:"MinValue"`
	MaxValue       *float64 `yaml:"MaxValue"`
}

// setParameters sets every parameter to its override or default. An invalid parameter is an error only if the template uses it.
func (r *resolver) setParameters(parameters *yaml.Node, overrides map[string]string) error {
	for name, node := range pairs(parameters) {
		var p parameter
		if err := decode(node, &p); err != nil {
			return err
		}
		value, ok := overrides[name.Value]
		if !ok && p.Default != nil {
			value, ok = *p.Default, true
		}
		if !ok {
			r.faults[name.Value] = at(name, "parameter %s has no default, and no variable sets it", name.Value)
			continue
		}
		if reason := p.refuses(value); reason != "" {
			r.faults[name.Value] = at(name, "parameter %s cannot be %q: %s", name.Value, value, reason)
			continue
		}
		r.parameters[name.Value] = value
		r.lists[name.Value] = p.Type == "CommaDelimitedList"
	}
	return nil
}

// refuses returns the reason why the parameter cannot have the value, or "" if it can.
func (p parameter) refuses(value string) string {
	if len(p.AllowedValues) > 0 && !slices.Contains(p.AllowedValues, value) {
		return "it is not one of its AllowedValues"
	}
	switch p.Type {
	case "String", "CommaDelimitedList":
		return p.refusesText(value)
	case "Number":
		return p.refusesNumber(value)
	}
	return "the local host does not support the type " + p.Type
}

func (p parameter) refusesText(value string) string {
	// CloudFormation matches the whole value, with or without anchors.
	pattern, err := regexp.Compile("^(?:" + p.AllowedPattern + ")$")
	switch {
	case p.AllowedPattern == "":
		return ""
	case err != nil:
		return "the local host does not support its AllowedPattern: " + err.Error()
	case !pattern.MatchString(value):
		return "it does not match its AllowedPattern " + p.AllowedPattern
	}
	return ""
}

func (p parameter) refusesNumber(value string) string {
	number, err := strconv.ParseFloat(value, 64)
	switch {
	case err != nil:
		return "it is not a number"
	case p.MinValue != nil && number < *p.MinValue:
		return "it is less than its MinValue"
	case p.MaxValue != nil && number > *p.MaxValue:
		return "it is more than its MaxValue"
	}
	return ""
}
