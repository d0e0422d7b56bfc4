package template

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

func (l *loader) readAPI(id, resource *yaml.Node) error {
	if l.api != nil {
		return at(id, "%s is a second %s; the local host serves one", id.Value, typeAPI)
	}
	l.api = resource
	globals := find(l.root, "Globals", "HttpApi")
	for _, properties := range []*yaml.Node{globals, find(resource, "Properties")} {
		if err := refuse(properties, typeAPI, "Auth", "DefinitionUri", "StageName"); err != nil {
			return err
		}
	}
	if err := l.readRoutes(find(resource, "Properties", "DefinitionBody", "paths")); err != nil {
		return err
	}
	var properties struct {
		CORS *struct {
			AllowOrigins     []string `yaml:"AllowOrigins"`
			AllowMethods     []string `yaml:"AllowMethods"`
			AllowHeaders     []string `yaml:"AllowHeaders"`
			ExposeHeaders    []string `yaml:"ExposeHeaders"`
			AllowCredentials bool     `yaml:"AllowCredentials"`
			MaxAge           int      `yaml:"MaxAge"` // seconds
		} `yaml:"CorsConfiguration"`
	}
	if err := l.used(resource, globals, &properties, "CorsConfiguration"); err != nil || properties.CORS == nil {
		return err
	}
	cors := properties.CORS
	for _, origin := range cors.AllowOrigins {
		if reason := refusesOrigin(origin, cors.AllowCredentials); reason != "" {
			return at(find(merge(globals, find(resource, "Properties")), "CorsConfiguration"), "origin %q: %s", origin, reason)
		}
	}
	l.out.CORS = &CORS{
		Origins:     cors.AllowOrigins,
		Methods:     cors.AllowMethods,
		Headers:     cors.AllowHeaders,
		Expose:      cors.ExposeHeaders,
		Credentials: cors.AllowCredentials,
		MaxAge:      time.Duration(cors.MaxAge) * time.Second,
	}
	return nil
}

// readRoutes reads the paths of the API's OpenAPI definition, each operation of which is a route to one function.
func (l *loader) readRoutes(paths *yaml.Node) error {
	if !plainOrAbsent(paths) {
		return at(paths, "the paths of the API must be a plain mapping")
	}
	for path, operations := range pairs(paths) {
		for method, operation := range pairs(operations) {
			route := Route{Method: strings.ToUpper(method.Value), Path: path.Value}
			if method.Value == anyMethod {
				route.Method = "ANY"
			}
			switch {
			case !slices.Contains(methods, route.Method):
				return at(method, "there is no method %s", route.Method)
			case !validPath(route.Path):
				return at(path, "%q is no path of a route", route.Path)
			}
			function, err := invoked(method, find(operation, "x-amazon-apigateway-integration", "uri"))
			if err != nil {
				return err
			}
			l.routes[function] = append(l.routes[function], route)
		}
	}
	return nil
}

// anyMethod is API Gateway's operation for all methods.
const anyMethod = "x-amazon-apigateway-any-method"

var methods = []string{"ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}

// invocation matches the address by which API Gateway invokes the published version of a function.
var invocation = regexp.MustCompile(`:lambda:path/2015-03-31/functions/\$\{(\w+)\.Alias\}/invocations$`)

// invoked returns the logical id of the function that the integration of an operation invokes.
func invoked(method, uri *yaml.Node) (string, error) {
	name, address, is := call(uri)
	if is && name == "Sub" {
		if found := invocation.FindStringSubmatch(address.Value); found != nil {
			return found[1], nil
		}
	}
	return "", at(method, "the integration has no uri of the form !Sub …/functions/${Function.Alias}/invocations")
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

// refusesOrigin says why API Gateway would not take an origin, which otherwise comes out only at deployment.
func refusesOrigin(origin string, credentials bool) string {
	if origin == "*" {
		if credentials {
			return "all origins and credentials exclude each other"
		}
		return ""
	}
	parsed, err := url.Parse(origin)
	if err != nil || parsed.Host == "" || origin != parsed.Scheme+"://"+parsed.Host {
		return "an origin is scheme://host or scheme://host:port and nothing more"
	}
	return ""
}
