package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// references holds the parts of a resource that can refer to other resources. The update policy of an alias names its deployment
// group, and a deployment group names alarms. cfn-lint does not follow these references.
type references struct {
	Properties   any
	UpdatePolicy any
	DependsOn    any
}

// cycle returns an error that names the resources of a circular dependency, if there is one. CloudFormation refuses such a stack.
func cycle(resources map[string]json.RawMessage) error {
	graph := map[string][]string{}
	for name, text := range resources {
		var parsed references
		if err := json.Unmarshal(text, &parsed); err != nil {
			return fmt.Errorf("reading the references of %s: %w", name, err)
		}
		found := map[string]bool{}
		addReferences(found, parsed.Properties)
		addReferences(found, parsed.UpdatePolicy)
		addNames(found, parsed.DependsOn)
		maps.DeleteFunc(found, func(to string, _ bool) bool { return resources[to] == nil })
		graph[name] = slices.Sorted(maps.Keys(found))
	}
	done := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(graph)) {
		if path := findCycle(graph, name, nil, done); path != nil {
			return fmt.Errorf("the stack has a circular dependency: %s", strings.Join(path, " -> "))
		}
	}
	return nil
}

// findCycle returns the first cycle that can be reached from a resource by a path, or nil. It marks resources without one as done.
func findCycle(graph map[string][]string, name string, path []string, done map[string]bool) []string {
	if done[name] {
		return nil
	}
	path = append(path, name)
	if start := slices.Index(path, name); start < len(path)-1 {
		return path[start:]
	}
	for _, next := range graph[name] {
		if found := findCycle(graph, next, path, done); found != nil {
			return found
		}
	}
	done[name] = true
	return nil
}

// substituted matches the logical id in a placeholder of Fn::Sub, such as ${Login} or ${Login.Arn}.
var substituted = regexp.MustCompile(`\$\{(\w+)`)

// addReferences adds the logical ids that a part of a template refers to with Ref, Fn::GetAtt or Fn::Sub.
func addReferences(found map[string]bool, part any) {
	switch part := part.(type) {
	case []any:
		for _, element := range part {
			addReferences(found, element)
		}
	case map[string]any:
		addNames(found, part["Ref"])
		for _, attribute := range first(part["Fn::GetAtt"]) {
			resource, _, _ := strings.Cut(attribute, ".")
			found[resource] = true
		}
		for _, text := range first(part["Fn::Sub"]) {
			for _, match := range substituted.FindAllStringSubmatch(text, -1) {
				found[match[1]] = true
			}
		}
		for _, value := range part {
			addReferences(found, value)
		}
	}
}

// addNames adds a name or a list of names.
func addNames(found map[string]bool, names any) {
	list, is := names.([]any)
	if !is {
		list = []any{names}
	}
	for _, name := range list {
		if text, is := name.(string); is {
			found[text] = true
		}
	}
}

// first returns a string or the first string of a list, in which functions of CloudFormation name what they refer to. It returns
// nothing for other values.
func first(value any) []string {
	if list, is := value.([]any); is && len(list) > 0 {
		value = list[0]
	}
	if text, is := value.(string); is {
		return []string{text}
	}
	return nil
}
