package gateway

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net"
	"net/http"
	"reflect"
	"testing"
)

func TestHeadersOfTheEvent(t *testing.T) {
	var invoker echo
	server := serve(t, routing, &invoker)
	send(t, server,
		"POST /x HTTP/1.1", "Host: api.test:8000", "X-MIXED-case: a", "x-mixed-Case: b", "Cookie: a=1; b=2", "Cookie: c=3",
		"X-Forwarded-For: 198.51.100.7", "X-Forwarded-Proto: https", "TE: trailers", "X-Amzn-Trace-Id: Root=1-2-3", "Transfer-Encoding: chunked",
		"", "3", "abc", "0", "", "")
	got := invoker.event
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	want := map[string]string{
		"content-length":    "3",
		"host":              "api.test:8000",
		"x-amzn-trace-id":   "Root=1-2-3",
		"x-forwarded-for":   "198.51.100.7, 127.0.0.1",
		"x-forwarded-port":  port,
		"x-forwarded-proto": "http",
		"x-mixed-case":      "a,b",
	}
	if !reflect.DeepEqual(got.Headers, want) {
		t.Errorf("got  %v\nwant %v", got.Headers, want)
	}
	if cookies := []string{"a=1", "b=2", "c=3"}; !reflect.DeepEqual(got.Cookies, cookies) {
		t.Errorf("got cookies %q, want %q", got.Cookies, cookies)
	}
	if got.Context.HTTP.SourceIP != "127.0.0.1" || got.Context.DomainName != "api.test" || got.Context.DomainPrefix != "api" {
		t.Errorf("got context %+v, want source 127.0.0.1, domain api.test and prefix api", got.Context)
	}
}

func TestHeadersNamedByConnectionAreRemoved(t *testing.T) {
	r := request("GET", "/", "api.test", "192.0.2.1", "", "Connection: close, x-private", "X-Private: 1", "X-Public: 2")
	got := newEvent(r, nil, routeMatch{}, exchange{}).Headers
	if _, ok := got["x-private"]; ok || got["x-public"] != "2" {
		t.Errorf("Connection: close, x-private: got headers %v, want x-public only", got)
	}
}

func TestQueryIsDecodedAndJoined(t *testing.T) {
	tests := map[string]struct {
		raw  string
		want map[string]string
	}{
		"none":                {"", nil},
		"repeated name":       {"a=1&b=2&a=3", map[string]string{"a": "1,3", "b": "2"}},
		"escapes":             {"a%20b=c+d%2B", map[string]string{"a b": "c d+"}},
		"without a value":     {"a&b=", map[string]string{"a": "", "b": ""}},
		"empty pairs":         {"&&a=1&", map[string]string{"a": "1"}},
		"equals in the value": {"a=b=c", map[string]string{"a": "b=c"}},
		"invalid escape":      {"a=%zz", map[string]string{"a": "%zz"}},
		"semicolon":           {"a=1;b=2", map[string]string{"a": "1;b=2"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := query(test.raw); !reflect.DeepEqual(got, test.want) {
				t.Errorf("query(%q) = %v, want %v", test.raw, got, test.want)
			}
		})
	}
}

func TestEncodingDependsOnTheContentType(t *testing.T) {
	tests := map[string]struct {
		contentType, body string
		encoded           bool
	}{
		"JSON":             {"application/json", `{"a":1}`, false},
		"JSON, parameters": {"Application/JSON; charset=utf-8", `{}`, false},
		"text":             {"text/csv", "a,b", false},
		"XML":              {"application/xml", "<a/>", false},
		"no type":          {"", "hello", true},
		"a form":           {"application/x-www-form-urlencoded", "a=b", true},
		"a JSON suffix":    {"application/problem+json", "{}", true},
		"binary":           {"image/png", "\x89PNG", true},
		"a malformed type": {"text/;;;", "a", true},
		"JSON, not UTF-8":  {"application/json", "\xff", true},
		"no body":          {"", "", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			text, encoded := encodeBody([]byte(test.body), test.contentType)
			if encoded != test.encoded || !encoded && text != test.body {
				t.Errorf("body %q of type %q: got %q, encoded %v; want encoded %v", test.body, test.contentType, text, encoded, test.encoded)
			}
			if got, err := decodeBody(text, encoded); err != nil || string(got) != test.body {
				t.Errorf("body %q of type %q: decoded again, got %q, %v", test.body, test.contentType, got, err)
			}
		})
	}
}

func decodeBody(text string, encoded bool) ([]byte, error) {
	if !encoded {
		return []byte(text), nil
	}
	return base64.StdEncoding.DecodeString(text)
}

func FuzzEvent(f *testing.F) {
	f.Add("/users/a%2Fb", "a=1&a=%zz", "a=1; b", "text/plain", []byte("x"))
	f.Add("//", "&&", ";;", "", []byte("\xff"))
	f.Fuzz(func(t *testing.T, path, rawQuery, cookie, contentType string, content []byte) {
		r, err := http.NewRequest("POST", "http://api.test"+path, nil)
		if err != nil {
			return
		}
		r.URL.RawQuery = rawQuery
		r.Header.Set("Cookie", cookie)
		r.Header.Set("Content-Type", contentType)
		m, ok := match(routesOf(routing.Functions), r)
		if !ok {
			t.Fatalf("path %q: got no route, want $default", path)
		}
		var e event
		if err := json.Unmarshal(newEvent(r, content, m, exchange{}).marshal(), &e); err != nil {
			t.Fatal(err)
		}
		if got, err := decodeBody(e.Body, e.IsBase64Encoded); err != nil || !bytes.Equal(got, content) {
			t.Errorf("body %q of type %q: decoded again, got %q, %v", content, contentType, got, err)
		}
	})
}
