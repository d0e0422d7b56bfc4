package gateway

import (
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"

	"latchkey/infra/local/template"
)

func TestResponses(t *testing.T) {
	tests := map[string]struct {
		payload string
		status  int
		body    string
		headers http.Header
	}{
		"status alone": {`{"statusCode":201}`, 201, "", http.Header{"Content-Type": {"text/plain; charset=utf-8"}, "Content-Length": {"0"}}},
		"all fields": {
			`{"statusCode":403,"headers":{"content-type":"application/json","x-a":"1"},"cookies":["a=1; Path=/","b=2"],"body":"{}"}`, 403, "{}",
			http.Header{"Content-Type": {"application/json"}, "X-A": {"1"}, "Set-Cookie": {"a=1; Path=/", "b=2"}, "Content-Length": {"2"}},
		},
		"base64": {
			`{"statusCode":200,"headers":{"Content-Type":"image/png"},"body":"iVBORw==","isBase64Encoded":true}`, 200, "\x89PNG",
			http.Header{"Content-Type": {"image/png"}, "Content-Length": {"4"}},
		},
		"no content": {`{"statusCode":204,"body":"x"}`, 204, "", http.Header{"Content-Type": {"text/plain; charset=utf-8"}}},
		"headers that only the service sets": {
			`{"statusCode":200,"headers":{"content-length":"99","connection":"upgrade"},"body":"abc"}`, 200, "abc",
			http.Header{"Content-Type": {"text/plain; charset=utf-8"}, "Content-Length": {"3"}},
		},
		"an object without status": {`{"a":1}`, 200, `{"a":1}`, http.Header{"Content-Type": {"application/json"}, "Content-Length": {"7"}}},
		"a status in another case": {`{"StatusCode":404}`, 200, `{"StatusCode":404}`, http.Header{"Content-Type": {"application/json"}, "Content-Length": {"18"}}},
		"a string":                 {`"hello"`, 200, "hello", http.Header{"Content-Type": {"application/json"}, "Content-Length": {"5"}}},
		"null":                     {`null`, 200, "null", http.Header{"Content-Type": {"application/json"}, "Content-Length": {"4"}}},
		"CORS of the function":     {`{"statusCode":200,"headers":{"access-control-allow-origin":"*"}}`, 200, "", http.Header{"Content-Type": {"text/plain; charset=utf-8"}, "Access-Control-Allow-Origin": {"*"}, "Content-Length": {"0"}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			response := send(t, serve(t, routing, &echo{payload: test.payload}), "GET /x HTTP/1.1")
			if text := body(t, response); response.StatusCode != test.status || text != test.body {
				t.Errorf("payload %s: got %s %q, want %d %q", test.payload, response.Status, text, test.status, test.body)
			}
			for _, name := range []string{"Apigw-Requestid", "Date"} {
				if response.Header.Get(name) == "" {
					t.Errorf("payload %s: got no header %s", test.payload, name)
				}
				response.Header.Del(name)
			}
			if response.Header.Del("Connection"); !reflect.DeepEqual(response.Header, test.headers) {
				t.Errorf("payload %s: got headers %v, want %v", test.payload, response.Header, test.headers)
			}
		})
	}
}

func FuzzParseResponse(f *testing.F) {
	for _, seed := range []string{`{"statusCode":200,"body":"x"}`, `"x"`, ` `, `{"statusCode":null}`, `{"headers":{"a":1},"statusCode":1}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		r, err := parseResponse(payload)
		if err != nil {
			return
		}
		if r.Status < 200 || r.Status > 599 {
			t.Errorf("payload %s: got status %d, want an error or 200 to 599", payload, r.Status)
		}
		r.write(httptest.NewRecorder(), &template.CORS{Origins: []string{"https://a.test"}}, "https://a.test")
	})
}
