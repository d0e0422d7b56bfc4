package gateway

import (
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"
	"time"

	"latchkey/infra/local/template"
)

// routing is a template with overlapping routes.
var routing = &template.Template{Functions: []template.Function{
	{Name: "Fallback", Routes: []template.Route{{Method: "ANY", Path: "$default"}}},
	{Name: "Files", Routes: []template.Route{{Method: "GET", Path: "/files/{proxy+}"}}},
	{Name: "User", Routes: []template.Route{{Method: "ANY", Path: "/users/{id}"}, {Method: "GET", Path: "/users/{id}/{part}"}}},
	{Name: "Me", Routes: []template.Route{{Method: "GET", Path: "/users/me"}, {Method: "POST", Path: "/users/{id}"}}},
	{Name: "Root", Routes: []template.Route{{Method: "GET", Path: "/"}}},
}}

func TestRouting(t *testing.T) {
	tests := map[string]struct {
		line      string
		function  string
		key       string
		path      string
		variables map[string]string
	}{
		"literal before variable": {"GET /users/me", "Me", "GET /users/me", "/users/me", nil},
		"a variable":              {"GET /users/7", "User", "ANY /users/{id}", "/users/7", map[string]string{"id": "7"}},
		"method before ANY":       {"POST /users/me", "Me", "POST /users/{id}", "/users/me", map[string]string{"id": "me"}},
		"decoded once":            {"GET /users/a%2520b", "User", "ANY /users/{id}", "/users/a%20b", map[string]string{"id": "a%20b"}},
		"an encoded slash":        {"GET /users/a%2Fb", "User", "ANY /users/{id}", "/users/a/b", map[string]string{"id": "a/b"}},
		"an encoded literal":      {"GET /users/m%65", "Me", "GET /users/me", "/users/me", nil},
		"a plus":                  {"GET /users/a+b", "User", "ANY /users/{id}", "/users/a+b", map[string]string{"id": "a+b"}},
		"two variables":           {"GET /users/7/x", "User", "GET /users/{id}/{part}", "/users/7/x", map[string]string{"id": "7", "part": "x"}},
		"greedy":                  {"GET /files/a/b%20c", "Files", "GET /files/{proxy+}", "/files/a/b c", map[string]string{"proxy": "a/b c"}},
		"greedy, empty":           {"GET /files/", "Fallback", "$default", "/files/", nil},
		"a trailing slash":        {"GET /users/me/", "Fallback", "$default", "/users/me/", nil},
		"two leading slashes":     {"GET //users/me", "Fallback", "$default", "//users/me", nil},
		"dot segments":            {"GET /users/x/../me", "Fallback", "$default", "/users/x/../me", nil},
		"other letter case":       {"GET /Users/me", "Fallback", "$default", "/Users/me", nil},
		"HEAD on a GET route":     {"HEAD /users/7/x", "Fallback", "$default", "/users/7/x", nil},
		"the root":                {"GET /", "Root", "GET /", "/", nil},
		"an unknown method":       {"BREW /files/a", "Fallback", "$default", "/files/a", nil},
		"OPTIONS without CORS":    {"OPTIONS /users/7/x", "Fallback", "$default", "/users/7/x", nil},
		"OPTIONS of the server":   {"OPTIONS *", "Fallback", "$default", "*", nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var invoker echo
			gateway := New(Options{
				Template: routing, Invoker: &invoker, Now: time.Now, Random: rand.Reader, Logf: t.Logf,
			})
			invoker.payload = "{}"
			server := httptest.NewUnstartedServer(gateway)
			server.Config.DisableGeneralOptionsHandler = true
			server.Start()
			defer server.Close()
			if response := send(t, server, test.line+" HTTP/1.1"); response.StatusCode != http.StatusOK {
				t.Fatalf("%s: got %s, want 200", test.line, response.Status)
			}
			got := invoker.event
			if invoker.function != test.function || got.RouteKey != test.key || got.Context.RouteKey != test.key {
				t.Errorf("%s: got function %s, route %q; want %s, %q", test.line, invoker.function, got.RouteKey, test.function, test.key)
			}
			if got.RawPath != test.path || got.Context.HTTP.Path != test.path || !reflect.DeepEqual(got.Variables, test.variables) {
				t.Errorf("%s: got path %q, variables %v; want %q, %v", test.line, got.RawPath, got.Variables, test.path, test.variables)
			}
		})
	}
}

func TestNotFoundWithoutDefaultRoute(t *testing.T) {
	server := serve(t, &template.Template{Functions: routing.Functions[1:]}, &echo{})
	response := send(t, server, "GET /nothing HTTP/1.1")
	if text := body(t, response); response.StatusCode != http.StatusNotFound || text != `{"message":"Not Found"}` {
		t.Errorf("GET /nothing: got %s %s, want 404", response.Status, text)
	}
}
