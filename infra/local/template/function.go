package template

import (
	"maps"
	"slices"
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
		return at(id, "function %s has the runtime %q; the local host runs provided.al2023", name, properties.Runtime)
	case strings.Trim(properties.CodeURI, "./") == "":
		return at(id, "function %s has no CodeUri that names its folder", name)
	case len(properties.Architectures) != 1:
		return at(id, "function %s has %d Architectures; Lambda takes one", name, len(properties.Architectures))
	case properties.Timeout < 1 || properties.Timeout > 900:
		return at(id, "function %s has a Timeout of %d s; Lambda takes 1 to 900", name, properties.Timeout)
	}
	function := Function{
		Name:         name,
		Folder:       properties.CodeURI,
		Handler:      properties.Handler,
		Timeout:      time.Duration(properties.Timeout) * time.Second,
		MemoryMB:     properties.MemorySize,
		Architecture: properties.Architectures[0],
		Environment:  l.environment(properties.Environment.Variables),
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
		if value, given := l.overrides[name]; given {
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
		case kind != nil && kind.Value == "HttpApi":
			err = l.addRoute(function, name, event)
		case kind != nil && kind.Value == "DynamoDB":
			err = l.addStream(function, name, event)
		case kind != nil && kind.Value == "Schedule": // ignored: scheduled work accumulates over days, and no local run lasts that long
		default:
			err = at(event, "event %s of %s is no HttpApi, DynamoDB or Schedule event; the local host understands no other",
				name.Value, function.Name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *loader) addRoute(function *Function, name, event *yaml.Node) error {
	route, err := l.route(event)
	if err != nil {
		return err
	}
	if l.keys[route.Key()] {
		return at(name, "the route %s is taken already", route.Key())
	}
	l.keys[route.Key()] = true
	function.Routes = append(function.Routes, route)
	return nil
}

func (l *loader) addStream(function *Function, name, event *yaml.Node) error {
	stream, err := l.stream(name, event)
	function.Streams = append(function.Streams, stream)
	return err
}

var methods = []string{"ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}

func (l *loader) route(event *yaml.Node) (Route, error) {
	if err := only(find(event, "Properties"), "an HttpApi event", "ApiId", "Method", "Path"); err != nil {
		return Route{}, err
	}
	decoded := struct {
		APIID  string `yaml:"ApiId"`
		Method string `yaml:"Method"`
		Path   string `yaml:"Path"`
	}{Method: "ANY", Path: DefaultPath}
	if err := l.used(event, nil, &decoded, "ApiId", "Method", "Path"); err != nil {
		return Route{}, err
	}
	route := Route{Method: strings.ToUpper(decoded.Method), Path: decoded.Path}
	if route.Method == "X-AMAZON-APIGATEWAY-ANY-METHOD" {
		route.Method = "ANY"
	}
	switch kind := find(l.resources, decoded.APIID, "Type"); {
	case kind == nil || kind.Value != typeAPI:
		return Route{}, at(event, "the event has no ApiId that names the %s of the template", typeAPI)
	case !slices.Contains(methods, route.Method):
		return Route{}, at(event, "there is no method %s", route.Method)
	case !validPath(route.Path):
		return Route{}, at(event, "%q is no path of a route", route.Path)
	}
	return route, nil
}

// validPath says whether API Gateway takes path: absolute, variables as whole segments, a greedy one only at the end.
func validPath(path string) bool {
	if path == DefaultPath || path == "/" {
		return true
	}
	rest, absolute := strings.CutPrefix(path, "/")
	segments := strings.Split(rest, "/")
	for i, segment := range segments {
		name, opened := strings.CutPrefix(segment, "{")
		name, closed := strings.CutSuffix(name, "}")
		name, greedy := strings.CutSuffix(name, "+")
		switch {
		case name == "", opened != closed, strings.ContainsAny(name, "{}"):
			return false
		case greedy && (!opened || i != len(segments)-1):
			return false
		}
	}
	return absolute
}
