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

// request makes a request as the server hands it over: from peer, at the service's port, with header lines.
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

// Each golden event is made again from the request that it tells of. except names the fields that are left out of the
// comparison on both sides.
func TestEventsAreThoseOfTheService(t *testing.T) {
	local := []string{
		"requestContext.apiId",                                  // a local API has an id of its own
		"headers.x-forwarded-port", "headers.x-forwarded-proto", // and no TLS
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
				"requestContext.time",                                        // is another day than its timeEpoch
				"requestContext.authentication", "requestContext.authorizer", // mutual TLS and authorizers: not here
				"stageVariables", "pathParameters", // the one is not here, $default cannot have the other
				// The guide leaves out what every request has.
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
				"requestContext.stage", "requestContext.routeId", // an API of the service's early days, with a named stage
				"isBase64Encoded", // of a body that is not there
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
			made := newEvent(test.request, body, routed{key: test.route.Key()}, test.call).marshal()
			except := slices.Concat(local, test.except)
			got, want := fields(t, made, except), fields(t, text, except)
			for _, name := range slices.Sorted(maps.Keys(want)) {
				if !reflect.DeepEqual(got[name], want[name]) {
					t.Errorf("%s is %v, want %v", name, got[name], want[name])
				}
			}
			for _, name := range slices.Sorted(maps.Keys(got)) {
				if _, known := want[name]; !known {
					t.Errorf("%s is %v, which the service does not have", name, got[name])
				}
			}
		})
	}
}

// fields flattens a JSON object to its leaves, named by their paths, without those at or below the exceptions.
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
