package template

import (
	"maps"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// functionProperties holds the properties that the host uses. Events are read separately, because each has its own type.
type functionProperties struct {
	CodeURI       string   `yaml:"CodeUri"`
	Handler       string   `yaml:"Handler"`
	Runtime       string   `yaml:"Runtime"`
	Timeout       int      `yaml:"Timeout"`    // seconds
	MemorySize    int      `yaml:"MemorySize"` // MB
	Architectures []string `yaml:"Architectures"`
	Environment   struct {
		Variables map[string]string `yaml:"Variables"`
	} `yaml:"Environment"`
}

func (l *loader) readFunction(id, resource *yaml.Node) error {
	name := id.Value
	// These are Lambda's defaults.
	properties := functionProperties{Timeout: 3, MemorySize: 128, Architectures: []string{"x86_64"}}
	globals := find(l.root, "Globals", "Function")
	err := l.used(resource, globals, &properties, "CodeUri", "Handler", "Runtime", "Timeout", "MemorySize", "Architectures", "Environment")
	switch {
	case err != nil:
		return err
	case properties.Runtime != "provided.al2023":
		return at(id, "function %s has the runtime %q; the local host supports only provided.al2023", name, properties.Runtime)
	case strings.Trim(properties.CodeURI, "./") == "":
		return at(id, "the CodeUri of function %s must be its folder", name)
	case len(properties.Architectures) != 1:
		return at(id, "function %s has %d Architectures; Lambda supports only one", name, len(properties.Architectures))
	case properties.Timeout < 1 || properties.Timeout > 900:
		return at(id, "function %s has a Timeout of %d s; Lambda allows 1 to 900", name, properties.Timeout)
	}
	function := Function{
		Name:         name,
		Folder:       properties.CodeURI,
		Handler:      properties.Handler,
		Timeout:      time.Duration(properties.Timeout) * time.Second,
		MemoryMB:     properties.MemorySize,
		Architecture: properties.Architectures[0],
		Environment:  l.environment(properties.Environment.Variables),
		Routes:       l.routes[name],
	}
	if err := l.readEvents(&function, find(resource, "Properties", "Events")); err != nil {
		return err
	}
	l.out.Functions = append(l.out.Functions, function)
	return nil
}

// environment returns a function's variables with the overrides applied.
func (l *loader) environment(variables map[string]string) map[string]string {
	environment := make(map[string]string, len(variables))
	maps.Copy(environment, variables)
	for name := range variables {
		if value, ok := l.overrides[name]; ok {
			environment[name] = value
		}
	}
	return environment
}

// readEvents reads the events that invoke the function. It refuses an event of an unsupported type, which would invoke the function
// in AWS but not here.
func (l *loader) readEvents(function *Function, events *yaml.Node) error {
	if !plainOrAbsent(events) {
		return at(events, "Events of %s must be a plain mapping", function.Name)
	}
	for name, event := range pairs(events) {
		var err error
		switch kind := find(event, "Type"); {
		case kind != nil && kind.Value == "DynamoDB":
			err = l.addStream(function, name, event)
		case kind != nil && kind.Value == "Schedule": // ignored: scheduled work accumulates over days, and no local run lasts that long
		default:
			err = at(event, "event %s of %s is not of the type DynamoDB or Schedule; the local host supports no other, "+
				"and reads routes from the DefinitionBody of the API",
				name.Value, function.Name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *loader) addStream(function *Function, name, event *yaml.Node) error {
	stream, err := l.stream(name, event)
	function.Streams = append(function.Streams, stream)
	return err
}
