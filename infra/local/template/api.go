package template

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

func (l *loader) readAPI(id, resource *yaml.Node) error {
	if l.api != nil {
		return at(id, "%s is a second %s; the local host supports only one", id.Value, typeAPI)
	}
	l.api = resource
	globals := find(l.root, "Globals", "HttpApi")
	for _, properties := range []*yaml.Node{globals, find(resource, "Properties")} {
		if err := refuse(properties, typeAPI, "Auth", "DefinitionUri", "StageName"); err != nil {
			return err
		}
	}
	if err := l.readRoutes(find(resource, "Properties", "DefinitionBody")); err != nil {
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

// readRoutes reads the paths of the API's OpenAPI definition. Each operation is a route to one function.
func (l *loader) readRoutes(definition *yaml.Node) error {
	if err := only(definition, "the DefinitionBody", "openapi", "info", "paths"); err != nil {
		return err
	}
	paths := find(definition, "paths")
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
				return at(method, "unknown method %s", route.Method)
			case !validPath(route.Path):
				return at(path, "%q is not a valid path of a route", route.Path)
			}
			function, err := l.functionOf(method, operation)
			if err != nil {
				return err
			}
			l.routes[function] = append(l.routes[function], route)
		}
	}
	return nil
}

// anyMethod is the operation of API Gateway for all methods.
const anyMethod = "x-amazon-apigateway-any-method"

var methods = []string{"ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}

// integrationKey is the member of an operation that defines which function API Gateway invokes, and how.
const integrationKey = "x-amazon-apigateway-integration"

// invocation matches the address at which API Gateway invokes a function, with the name and the alias of a published version.
var invocation = regexp.MustCompile(
	`^arn:aws:apigateway:[^:]+:lambda:path/2015-03-31/functions/arn:aws:lambda:[^:]+:\d+:function:(\w+):\w+/invocations$`)

// functionOf returns the logical id of the function that an operation invokes.
func (l *loader) functionOf(method, operation *yaml.Node) (string, error) {
	integration := find(operation, integrationKey)
	if integration == nil {
		return "", at(method, "the operation must have an %s", integrationKey)
	}
	err := errors.Join(
		only(operation, "an operation", "parameters", "responses", "isDefaultRoute", integrationKey),
		only(integration, "an integration", "type", "httpMethod", "payloadFormatVersion", "credentials", "uri"),
	)
	if err != nil {
		return "", err
	}
	resolved, err := l.resolve(pick(integration, "type", "httpMethod", "payloadFormatVersion", "uri"))
	if err != nil {
		return "", err
	}
	var proxy struct {
		Type    string `yaml:"type"`
		Method  string `yaml:"httpMethod"`
		Version string `yaml:"payloadFormatVersion"`
		URI     string `yaml:"uri"`
	}
	if err := decode(resolved, &proxy); err != nil {
		return "", err
	}
	function := invocation.FindStringSubmatch(proxy.URI)
	switch {
	case proxy.Type != "aws_proxy", proxy.Method != http.MethodPost, proxy.Version != "2.0":
		return "", at(integration, "the local host supports only integrations of type aws_proxy with POST and payloadFormatVersion 2.0")
	case function == nil:
		return "", at(integration, "the integration must have a uri of the form !Sub …/functions/${Function.Arn}:alias/invocations")
	}
	return function[1], nil
}

// validPath reports whether API Gateway accepts path: it must be absolute, a variable must be a whole segment, and a greedy variable
// must be the last segment.
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

// refusesOrigin returns the reason why API Gateway would refuse the origin, or "" if it accepts it. Without this check, the error would
// appear only at deployment.
func refusesOrigin(origin string, credentials bool) string {
	if origin == "*" {
		if credentials {
			return "credentials are not possible for all origins"
		}
		return ""
	}
	parsed, err := url.Parse(origin)
	if err != nil || parsed.Host == "" || origin != parsed.Scheme+"://"+parsed.Host {
		return "an origin must have the form scheme://host or scheme://host:port"
	}
	return ""
}
