package gateway

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"latchkey/infra/local/template"
)

// route is a route of the API, its path in segments.
type route struct {
	template.Route
	function string
	segments []segment
}

// segment is a part of a route's path between slashes.
type segment struct {
	kind kind
	text string // the literal, or the variable's name
}

// kind orders segments by how closely they match.
type kind int

const (
	literal  kind = iota
	variable      // {name}: one segment, not empty
	greedy        // {name+}: all that is left, not empty
)

// routed is what routing finds out about a request.
type routed struct {
	function  string
	key       string
	variables map[string]string // decoded once; nil without variables
}

// routesOf lists the routes of the functions in the order in which the service tries them: at every segment a literal
// before a variable before a greedy variable, a method before ANY, $default last.
func routesOf(functions []template.Function) []route {
	var routes []route
	for _, function := range functions {
		for _, declared := range function.Routes {
			routes = append(routes, route{Route: declared, function: function.Name, segments: parsePath(declared.Path)})
		}
	}
	slices.SortStableFunc(routes, compare)
	return routes
}

func compare(a, b route) int {
	byKind := slices.CompareFunc(a.segments, b.segments, func(x, y segment) int { return cmp.Compare(x.kind, y.kind) })
	return cmp.Or(
		trueLast(a.Path == template.DefaultPath, b.Path == template.DefaultPath),
		byKind,
		trueLast(a.Method == "ANY", b.Method == "ANY"),
	)
}

func trueLast(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

func parsePath(path string) []segment {
	if path == template.DefaultPath {
		return nil
	}
	var segments []segment
	for _, text := range split(path) {
		name, isVariable := strings.CutPrefix(strings.TrimSuffix(text, "}"), "{")
		name, isGreedy := strings.CutSuffix(name, "+")
		switch {
		case isVariable && isGreedy:
			segments = append(segments, segment{greedy, name})
		case isVariable:
			segments = append(segments, segment{variable, name})
		default:
			segments = append(segments, segment{literal, text})
		}
	}
	return segments
}

// split cuts a path at its slashes. A slash at the end makes an empty last segment, which only $default matches.
func split(path string) []string { return strings.Split(strings.TrimPrefix(path, "/"), "/") }

// match finds the route of a request, by the path as sent: an encoded slash separates nothing.
func match(routes []route, r *http.Request) (routed, bool) {
	path := split(r.URL.EscapedPath())
	for _, route := range routes {
		if route.Method != "ANY" && route.Method != r.Method {
			continue
		}
		if variables, ok := route.take(path); ok {
			return routed{function: route.function, key: route.Key(), variables: variables}, true
		}
	}
	return routed{}, false
}

// take matches the path's segments, still encoded, and returns the path variables.
func (r route) take(path []string) (map[string]string, bool) {
	if r.Path == template.DefaultPath {
		return nil, true
	}
	if len(path) < len(r.segments) {
		return nil, false
	}
	var variables map[string]string
	for i, segment := range r.segments {
		text := path[i]
		if segment.kind == greedy {
			text = strings.Join(path[i:], "/")
			path = path[:i+1]
		}
		text = unescape(text)
		switch {
		case segment.kind == literal && text != segment.text, segment.kind != literal && text == "":
			return nil, false
		case segment.kind == literal:
			continue
		case variables == nil:
			variables = make(map[string]string)
		}
		variables[segment.text] = text
	}
	return variables, len(path) == len(r.segments)
}

// unescape decodes once. The server has refused requests with a broken escape in the path before they come here.
func unescape(text string) string {
	decoded, err := url.PathUnescape(text)
	if err != nil {
		return text
	}
	return decoded
}
