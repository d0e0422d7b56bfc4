package gateway

import (
	"encoding/json"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/infra/local/template"
)

// request returns a server-side request from peer with the header lines.
func request(method, target, host, peer, body string, lines ...string) *http.Request {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Host = host
	r.RemoteAddr = net.JoinHostPort(peer, "1")
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	return r
}

const browser = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/80.0.3987.132 Safari/537.36"

// The test converts the request of each golden event again. It ignores the fields in except on both sides.
func TestEventsMatchTheService(t *testing.T) {
	local := []string{
		"requestContext.apiId",                                  // the local API has another id
		"headers.x-forwarded-port", "headers.x-forwarded-proto", // the local API has no TLS
	}
	tests := map[string]struct {
		request *http.Request
		route   template.Route
		call    exchange
		except  []string
	}{
		"guide.json": {
			request: request("POST", "/my/path?parameter1=value1&parameter1=value2&parameter2=value",
				"id.execute-api.us-east-1.amazonaws.com", "192.0.2.1", "Hello from Lambda",
				"Header1: value1", "Header2: value1", "Header2: value2", "Cookie: cookie1; cookie2", "User-Agent: agent", "Content-Type: text/plain"),
			route: template.Route{Method: "ANY", Path: "$default"},
			call:  exchange{requestID: "id", at: time.UnixMilli(1583348638390)},
			except: []string{
				"requestContext.time",                                        // contradicts timeEpoch in the example
				"requestContext.authentication", "requestContext.authorizer", // mutual TLS and authorizers are not supported
				"stageVariables", "pathParameters", // not supported; impossible for $default
				// The example omits headers that every request has.
				"headers.host", "headers.content-length", "headers.content-type", "headers.user-agent",
				"headers.x-amzn-trace-id", "headers.x-forwarded-for",
			},
		},
		"browser.json": {
			request: request("GET", "/default/nodejs-apig-function-1G3XMPLZXVXYI",
				"r3pmxmplak.execute-api.us-east-2.amazonaws.com", "205.255.255.176", "",
				"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.9",
				"Accept-Encoding: gzip, deflate, br", "Accept-Language: en-US,en;q=0.9", "Sec-Fetch-Dest: document", "Sec-Fetch-Mode: navigate",
				"Sec-Fetch-Site: cross-site", "Sec-Fetch-User: ?1", "Upgrade-Insecure-Requests: 1", "User-Agent: "+browser,
				"Cookie: s_fid=7AABXMPL1AFD9BBF-0643XMPL09956DE2; regStatus=pre-register", "Connection: keep-alive"),
			route: template.Route{Method: "ANY", Path: "/nodejs-apig-function-1G3XMPLZXVXYI"},
			call: exchange{
				requestID: "JKJaXmPLvHcESHA=", traceRoot: "1-5e6722a7-cc56xmpl46db7ae02d4da47e", at: time.UnixMilli(1583817383220),
			},
			except: []string{
				"requestContext.stage", "requestContext.routeId", // from an early version of the service, with a named stage
				"isBase64Encoded", // true in the example, although it has no body
			},
		},
		"curl.json": {
			request: request("GET", "/", "aaaaaaaaaa.execute-api.us-west-2.amazonaws.com", "1.2.3.4", "",
				"User-Agent: curl/7.58.0", "Accept: */*"),
			route: template.Route{Method: "ANY", Path: "$default"},
			call: exchange{
				requestID: "LV7fzho-PHcEJPw=", traceRoot: "1-5e9f0c65-1de4d666d4dd26aced652b6c", at: time.UnixMilli(1587481701067),
			},
			except: []string{"requestContext.authentication"},
		},
	}
	for file, test := range tests {
		t.Run(file, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join("testdata", file))
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(test.request.Body)
			if err != nil {
				t.Fatal(err)
			}
			payload := newEvent(test.request, body, routeMatch{key: test.route.Key()}, test.call).marshal()
			except := slices.Concat(local, test.except)
			got, want := fields(t, payload, except), fields(t, text, except)
			for _, name := range slices.Sorted(maps.Keys(want)) {
				if !reflect.DeepEqual(got[name], want[name]) {
					t.Errorf("got %s %v, want %v", name, got[name], want[name])
				}
			}
			for _, name := range slices.Sorted(maps.Keys(got)) {
				if _, known := want[name]; !known {
					t.Errorf("got %s %v, want no such field", name, got[name])
				}
			}
		})
	}
}

// fields returns the leaves of a JSON object by path, without those at or below the paths in except.
func fields(t *testing.T, text []byte, except []string) map[string]any {
	t.Helper()
	var object map[string]any
	if err := json.Unmarshal(text, &object); err != nil {
		t.Fatal(err)
	}
	flat := make(map[string]any)
	var walk func(prefix string, object map[string]any)
	walk = func(prefix string, object map[string]any) {
		for name, value := range object {
			if slices.Contains(except, prefix+name) {
				continue
			}
			if inner, ok := value.(map[string]any); ok {
				walk(prefix+name+".", inner)
				continue
			}
			flat[prefix+name] = value
		}
	}
	walk("", object)
	return flat
}
