package template

import (
	"regexp"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// pseudo are the pseudo parameters; AWS::NoValue is no value and so not among them.
var pseudo = map[string]string{
	"AWS::AccountId": AccountID,
	"AWS::Partition": "aws",
	"AWS::Region":    Region,
	"AWS::StackId":   "arn:aws:cloudformation:" + Region + ":" + AccountID + ":stack/local/00000000-0000-4000-8000-000000000000",
	"AWS::StackName": "local",
	"AWS::URLSuffix": "amazonaws.com",
}

// parameter is the part of a parameter's declaration that decides its value.
type parameter struct {
	Type           string   `yaml:"Type"`
	Default        *string  `yaml:"Default"`
	AllowedValues  []string `yaml:"AllowedValues"`
	AllowedPattern string   `yaml:"AllowedPattern"`
	MinValue       *float64 `yaml:"MinValue"`
	MaxValue       *float64 `yaml:"MaxValue"`
}

// setParameters gives every parameter its override or default. What is wrong with one is an error only when it is used.
func (r *resolver) setParameters(declared *yaml.Node, overrides map[string]string) error {
	for name, node := range pairs(declared) {
		var declaration parameter
		if err := decode(node, &declaration); err != nil {
			return err
		}
		value, given := overrides[name.Value]
		if !given && declaration.Default != nil {
			value, given = *declaration.Default, true
		}
		if !given {
			r.faults[name.Value] = at(name, "parameter %s has no default, and no variable sets it", name.Value)
			continue
		}
		if reason := declaration.refuses(value); reason != "" {
			r.faults[name.Value] = at(name, "parameter %s cannot be %q: %s", name.Value, value, reason)
			continue
		}
		r.parameters[name.Value] = value
		r.lists[name.Value] = declaration.Type == "CommaDelimitedList"
	}
	return nil
}

// refuses says why value is no value of the parameter; empty if it is one.
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
	return "type " + p.Type + " is not understood by the local host"
}

func (p parameter) refusesText(value string) string {
	// CloudFormation matches the whole value, with or without anchors.
	pattern, err := regexp.Compile("^(?:" + p.AllowedPattern + ")$")
	switch {
	case p.AllowedPattern == "":
		return ""
	case err != nil:
		return "its AllowedPattern is not understood by the local host: " + err.Error()
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
