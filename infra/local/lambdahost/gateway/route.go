package gateway

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"latchkey/infra/local/template"
)

// route is a route of the API, with the segments of its path.
type route struct {
	template.Route
	function string
	segments []segment
}

// segment is a part of a route's path between slashes.
type segment struct {
	kind kind
	text string // the literal, or the name of the variable
}

// kind is the type of a segment, ordered from the most to the least specific.
type kind int

const (
	literal  kind = iota
	variable      // {name}: one segment, not empty
	greedy        // {name+}: all remaining segments, not empty
)

// routeMatch is the result of routing a request.
type routeMatch struct {
	function  string
	key       string
	variables map[string]string // decoded once; nil without variables
}

// routesOf returns the routes of the functions in the service's order of priority. At each segment, a literal precedes a
// variable, and a variable precedes a greedy one. A method precedes ANY. $default is last.
func routesOf(functions []template.Function) []route {
	var routes []route
	for _, function := range functions {
		for _, r := range function.Routes {
			routes = append(routes, route{Route: r, function: function.Name, segments: parsePath(r.Path)})
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

// split returns the segments of a path. A trailing slash produces an empty last segment, which only $default matches.
func split(path string) []string { return strings.Split(strings.TrimPrefix(path, "/"), "/") }

// match returns the route of a request. It matches the encoded path, so an encoded slash does not separate segments.
func match(routes []route, r *http.Request) (routeMatch, bool) {
	path := split(r.URL.EscapedPath())
	for _, route := range routes {
		if route.Method != "ANY" && route.Method != r.Method {
			continue
		}
		if variables, ok := route.matchPath(path); ok {
			return routeMatch{function: route.function, key: route.Key(), variables: variables}, true
		}
	}
	return routeMatch{}, false
}

// matchPath matches the encoded segments of a path and returns the decoded path variables.
func (r route) matchPath(path []string) (map[string]string, bool) {
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

// unescape decodes text once. An error cannot occur for a request, because the server refuses invalid escapes in the path.
func unescape(text string) string {
	decoded, err := url.PathUnescape(text)
	if err != nil {
		return text
	}
	return decoded
}
