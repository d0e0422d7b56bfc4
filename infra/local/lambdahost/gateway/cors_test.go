package gateway

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/infra/local/template"
)

var crossOrigin = &template.CORS{
	Origins:     []string{"https://a.test", "https://b.test"},
	Methods:     []string{"GET", "POST"},
	Headers:     []string{"authorization", "content-type"},
	Expose:      []string{"retry-after"},
	Credentials: true,
	MaxAge:      10 * time.Minute,
}

func TestCORS(t *testing.T) {
	all := &template.CORS{Origins: []string{"*"}}
	const preflight = "Access-Control-Request-Method: POST"
	tests := map[string]struct {
		cors    *template.CORS
		line    string
		headers []string
		payload string // of the function
		status  int
		want    []string // header lines of CORS and Vary
	}{
		"preflight": {
			crossOrigin, "OPTIONS /users/me", []string{"Origin: https://b.test", preflight}, "", http.StatusNoContent,
			[]string{
				"Access-Control-Allow-Credentials: true", "Access-Control-Allow-Headers: authorization,content-type",
				"Access-Control-Allow-Methods: GET,POST", "Access-Control-Allow-Origin: https://b.test", "Access-Control-Max-Age: 600", "Vary: Origin",
			},
		},
		"preflight of an unknown path": {
			all, "OPTIONS /nothing", []string{"Origin: https://x.test", preflight}, "", http.StatusNoContent, []string{"Access-Control-Allow-Origin: *"},
		},
		"preflight of another origin": {
			crossOrigin, "OPTIONS /users/me", []string{"Origin: https://x.test", preflight}, "", http.StatusNoContent, []string{"Vary: Origin"},
		},
		"OPTIONS without a preflight header": {
			crossOrigin, "OPTIONS /users/me", nil, `{"statusCode":405}`, http.StatusMethodNotAllowed, []string{"Vary: Origin"},
		},
		"allowed origin": {
			crossOrigin, "GET /users/me", []string{"Origin: https://a.test"}, `{"statusCode":401,"headers":{"vary":"Accept"}}`, http.StatusUnauthorized,
			[]string{
				"Access-Control-Allow-Credentials: true", "Access-Control-Allow-Origin: https://a.test",
				"Access-Control-Expose-Headers: retry-after", "Vary: Accept", "Vary: Origin",
			},
		},
		"existing Vary header": {
			crossOrigin, "GET /users/me", nil, `{"statusCode":200,"headers":{"vary":"Accept, origin"}}`, http.StatusOK, []string{"Vary: Accept, origin"},
		},
		"another origin": {
			crossOrigin, "GET /users/me", []string{"Origin: https://a.test.evil.test"}, `{"statusCode":200}`, http.StatusOK, []string{"Vary: Origin"},
		},
		"headers of the function are removed": {
			crossOrigin, "GET /users/me", []string{"Origin: https://x.test"}, `{"statusCode":200,"headers":{"access-control-allow-origin":"*"}}`, http.StatusOK,
			[]string{"Vary: Origin"},
		},
		"all origins": {
			all, "GET /users/me", []string{"Origin: https://x.test"}, `{"statusCode":200}`, http.StatusOK, []string{"Access-Control-Allow-Origin: *"},
		},
		"not configured": {
			nil, "OPTIONS /users/me", []string{"Origin: https://a.test", preflight}, `{"statusCode":200}`, http.StatusOK, nil,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			invoker := echo{payload: test.payload}
			app := &template.Template{Functions: routing.Functions, CORS: test.cors}
			response := send(t, serve(t, app, &invoker), append([]string{test.line + " HTTP/1.1"}, test.headers...)...)
			if response.StatusCode != test.status {
				t.Errorf("%s %q: got %s, want %d", test.line, test.headers, response.Status, test.status)
			}
			if got, want := invoker.function != "", test.status != http.StatusNoContent; got != want {
				t.Errorf("%s %q: got function invoked %v, want %v", test.line, test.headers, got, want)
			}
			if got := corsLines(response.Header); !slices.Equal(got, test.want) {
				t.Errorf("%s %q\ngot  %q\nwant %q", test.line, test.headers, got, test.want)
			}
		})
	}
}

// corsLines returns the CORS headers and Vary as sorted lines.
func corsLines(header http.Header) []string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(header)) {
		if name == "Vary" || strings.HasPrefix(name, "Access-Control-") {
			for _, value := range header[name] {
				lines = append(lines, name+": "+value)
			}
		}
	}
	return lines
}
