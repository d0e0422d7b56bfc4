package app

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"latchkey/pkg/account"
	"latchkey/pkg/contract"
	"latchkey/pkg/fault"
	"latchkey/pkg/guard"
	"latchkey/pkg/httpapi"
	"latchkey/pkg/reqlog"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
	"latchkey/pkg/signin"
)

// loginStub returns the same result for every login. It records the number of calls and the last attempt.
type loginStub struct {
	pair  session.Pair
	err   error
	panic string
	event string // a security event that the login reports
	calls int
	name  string
	pass  secret.String

	device secret.String
	source string
}

func (l *loginStub) Login(ctx context.Context, attempt guard.Attempt) (signin.SignedIn, error) {
	l.calls++
	l.name, l.pass, l.device, l.source = attempt.Name, attempt.Password, attempt.Device, attempt.Source
	if l.panic != "" {
		panic(l.panic)
	}
	if l.event != "" {
		reqlog.Event(ctx, l.event)
	}
	return signin.SignedIn{Pair: l.pair, Device: secret.New("the-device"), Standing: attemptStanding}, l.err
}

// serve sends body to POST /api/auth/login with stub as its rule.
func serve(stub *loginStub, logs io.Writer, contentType, body string) *httptest.ResponseRecorder {
	return respond(serverOptions(newSessionStore(0), logs), login(stub), body, "Content-Type: "+contentType)
}

const good = `{"username":"pythonista","password":"SecurePass123!"}`

func TestBodies(t *testing.T) {
	nested := strings.Repeat(`{"a":`, 3_000)
	tests := map[string]struct {
		contentType string
		body        string
		status      int
		detail      string
		code        string
	}{
		"good":                    {"application/json", good, 200, "", ""},
		"with a charset":          {"application/json; charset=utf-8", good, 200, "", ""},
		"type in another case":    {"Application/JSON", good, 200, "", ""},
		"surrounding space":       {"application/json", " \n" + good + "\t\n", 200, "", ""},
		"unknown members":         {"application/json", `{"x":[1,{"y":null}],` + good[1:], 200, "", ""},
		"32 deep":                 {"application/json", `{"x":` + strings.Repeat("[", 31) + strings.Repeat("]", 31) + `,` + good[1:], 200, "", ""},
		"16 KiB":                  {"application/json", good + strings.Repeat(" ", 16<<10-len(good)), 200, "", ""},
		"a 400-digit unknown":     {"application/json", `{"x":` + strings.Repeat("9", 400) + `,` + good[1:], 200, "", ""},
		"33 deep":                 {"application/json", `{"x":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + `,` + good[1:], 400, "JSON is malformed", "malformed_json"},
		"3,000 deep":              {"application/json", nested, 400, "JSON is malformed", "malformed_json"},
		"over 16 KiB":             {"application/json", good + strings.Repeat(" ", 16<<10-len(good)+1), 413, "Request Entity Too Large", "request_too_large"},
		"empty":                   {"", "", 400, "JSON is malformed", "malformed_json"},
		"no JSON":                 {"application/json", "hello", 400, "JSON is malformed", "malformed_json"},
		"cut off":                 {"application/json", good[:20], 400, "JSON is malformed", "malformed_json"},
		"two documents":           {"application/json", good + good, 400, "JSON is malformed", "malformed_json"},
		"trailing text":           {"application/json", good + "x", 400, "JSON is malformed", "malformed_json"},
		"an array":                {"application/json", "[" + good + "]", 400, "JSON is malformed", "malformed_json"},
		"null":                    {"application/json", "null", 400, "JSON is malformed", "malformed_json"},
		"a string":                {"application/json", `"x"`, 400, "JSON is malformed", "malformed_json"},
		"invalid UTF-8":           {"application/json", "{\"username\":\"\xff\",\"password\":\"x\"}", 400, "JSON is malformed", "malformed_json"},
		"UTF-8 of a surrogate":    {"application/json", "{\"username\":\"\xed\xa0\x80\",\"password\":\"x\"}", 400, "JSON is malformed", "malformed_json"},
		"a lone surrogate":        {"application/json", `{"username":"\ud800","password":"x"}`, 400, "JSON is malformed", "malformed_json"},
		"a name twice":            {"application/json", `{"username":"x","password":"a","password":"b"}`, 400, "JSON is malformed", "malformed_json"},
		"an unknown name twice":   {"application/json", `{"x":1,"x":2,` + good[1:], 400, "JSON is malformed", "malformed_json"},
		"a byte-order mark":       {"application/json", "\ufeff" + good, 400, "JSON is malformed", "malformed_json"},
		"a number":                {"application/json", `{"username":1,"password":"x"}`, 400, "Validation failed for POST /api/auth/login", "validation_failed"},
		"a 400-digit number":      {"application/json", `{"username":"x","password":` + strings.Repeat("9", 400) + `}`, 400, "Validation failed for POST /api/auth/login", "validation_failed"},
		"an object as a password": {"application/json", `{"username":"x","password":{}}`, 400, "Validation failed for POST /api/auth/login", "validation_failed"},
		"an empty object":         {"application/json", "{}", 400, "Validation failed for POST /api/auth/login", "validation_failed"},
		"null members":            {"application/json", `{"username":null,"password":null}`, 400, "Validation failed for POST /api/auth/login", "validation_failed"},
		"names in another case":   {"application/json", `{"Username":"x","PASSWORD":"y"}`, 400, "Validation failed for POST /api/auth/login", "validation_failed"},
		"empty parameters":        {"application/json;;charset=utf-8 ;", good, 200, "", ""},
		"a name without a value":  {"application/json; charset", good, 200, "", ""},
		"a quoted charset":        {`application/json;charset="UTF-8"`, good, 200, "", ""},
		"an escaped charset":      {`Application/JSON ; Charset="u\tf-8"`, good, 200, "", ""},
		"a semicolon in quotes":   {`application/json; x="a;charset=latin1"`, good, 200, "", ""},
		"an unknown parameter":    {"application/json; version=1; x", good, 200, "", ""},
		"another charset":         {"application/json; charset=iso-8859-1", good, 415, "Content-Type must be application/json", "unsupported_media_type"},
		"a second charset":        {"application/json; charset=utf-8; charset=latin1", good, 415, "Content-Type must be application/json", "unsupported_media_type"},
		"an empty charset":        {"application/json; charset=", good, 415, "Content-Type must be application/json", "unsupported_media_type"},
		"two types":               {"application/json, text/plain", good, 415, "Content-Type must be application/json", "unsupported_media_type"},
		"a form":                  {"application/x-www-form-urlencoded", "username=x", 415, "Content-Type must be application/json", "unsupported_media_type"},
		"no content type":         {"", good, 415, "Content-Type must be application/json", "unsupported_media_type"},
		"a similar content type":  {"application/json-patch+json", good, 415, "Content-Type must be application/json", "unsupported_media_type"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			stub := &loginStub{}
			response := serve(stub, io.Discard, test.contentType, test.body)
			if response.Code != test.status {
				t.Fatalf("%.100q of type %q: got %d %s, want %d", test.body, test.contentType, response.Code, response.Body, test.status)
			}
			if called := stub.calls == 1; called != (test.status == 200) {
				t.Errorf("%.100q with the response %d: got %d calls of the rule", test.body, test.status, stub.calls)
			}
			if test.status != 200 {
				checkError(t, response, test.detail, test.code)
			}
		})
	}
}

func checkError(t *testing.T, response *httptest.ResponseRecorder, detail, code string) {
	t.Helper()
	var body struct {
		Detail    string `json:"detail"`
		Status    int    `json:"status_code"`
		Code      string `json:"code"`
		RequestID string `json:"request_id"`
	}
	if err := json.Unmarshal(response.Body.Bytes(), &body); err != nil {
		t.Fatalf("got the body %s, want JSON: %v", response.Body, err)
	}
	if body.Detail != detail || body.Code != code || body.Status != response.Code || body.RequestID != "req-1" {
		t.Errorf("got %d with the body %s, want the detail %q, the code %q, the same status and the request id req-1",
			response.Code, response.Body, detail, code)
	}
	if got := response.Header().Get("Content-Type"); got != "application/json" {
		t.Errorf("got Content-Type %q, want application/json", got)
	}
}

func TestFieldFaultsNameTheField(t *testing.T) {
	tests := map[string]string{
		`{}`:                               `"extra":[{"key":"username","message":"is required"},{"key":"password","message":"is required"}]`,
		`{"username":true,"password":"x"}`: `"extra":[{"key":"username","message":"must be a string"}]`,
		`{"username":"x","password":[]}`:   `"extra":[{"key":"password","message":"must be a string"}]`,
	}
	for body, want := range tests {
		response := serve(&loginStub{}, io.Discard, "application/json", body)
		if !strings.Contains(response.Body.String(), want) {
			t.Errorf("%s: got %s, want %s", body, response.Body, want)
		}
	}
}

func TestFaultsByKind(t *testing.T) {
	secretCause := errors.New("table Users, key U#1")
	tests := map[string]struct {
		err     error
		status  int
		headers map[string]string
		extra   string
	}{
		"refused":         {account.ErrInvalidCredentials.Because(secretCause), 403, nil, ""},
		"unauthenticated": {session.ErrAuthenticationRequired.Because(secretCause), 401, map[string]string{"WWW-Authenticate": "Bearer"}, ""},
		"unavailable":     {fault.ServiceUnavailable.Because(secretCause), 503, map[string]string{"Retry-After": "1"}, ""},
		"upstream":        {&fault.Fault{Kind: fault.Upstream, Code: "x"}, 502, nil, ""},
		"limited": {&fault.Fault{Kind: fault.Limited, Code: "x", RetryAfter: 1500 * time.Millisecond}, 429,
			map[string]string{"Retry-After": "2"}, `"error":"Too Many Requests","retry_after":"2"`},
		"unclassified": {secretCause, 500, nil, `"detail":"Internal Server Error"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var logs strings.Builder
			response := serve(&loginStub{err: test.err}, &logs, "application/json", good)
			if response.Code != test.status || !strings.Contains(response.Body.String(), test.extra) {
				t.Errorf("for the error %q: got %d %s, want %d with %s", test.err, response.Code, response.Body, test.status, test.extra)
			}
			for name, want := range test.headers {
				if got := response.Header().Get(name); got != want {
					t.Errorf("for the error %q: got %s %q, want %q", test.err, name, got, want)
				}
			}
			if strings.Contains(response.Body.String(), "U#1") {
				t.Errorf("got the response %s, want it without the cause", response.Body)
			}
			if errors.Is(test.err, secretCause) && !strings.Contains(logs.String(), "U#1") {
				t.Errorf("got the log %s, want it with the cause", logs.String())
			}
		})
	}
}

func TestAPanicIsA500AndDoesNotEndTheFunction(t *testing.T) {
	var logs strings.Builder
	response := serve(&loginStub{panic: "out of cheese"}, &logs, "application/json", good)
	if response.Code != 500 || strings.Contains(response.Body.String(), "cheese") || !strings.Contains(response.Body.String(), `"request_id":"req-1"`) {
		t.Errorf("after a panic: got %d %s, want 500 without the text of the panic and with the request id", response.Code, response.Body)
	}
	if !strings.Contains(logs.String(), "out of cheese") || !strings.Contains(logs.String(), `"level":"ERROR"`) {
		t.Errorf("got the log %s, want the text of the panic at level ERROR", logs.String())
	}
	if next := serve(&loginStub{}, &logs, "application/json", good); next.Code != 200 {
		t.Errorf("the next request: got %d, want 200", next.Code)
	}
}

func TestLogLine(t *testing.T) {
	var logs strings.Builder
	serve(&loginStub{pair: session.Pair{Access: secret.New("the-access-token")}}, &logs, "application/json", good)
	var line map[string]any
	if err := json.Unmarshal([]byte(logs.String()), &line); err != nil {
		t.Fatalf("got the log %s, want one JSON line: %v", logs.String(), err)
	}
	if line["route"] != "POST /api/auth/login" || line["status"] != 200.0 || line["code"] != "ok" || line["request_id"] != "req-1" {
		t.Errorf("got the line %v, want the route, status 200, code ok and request id req-1", line)
	}
	if _, ok := line["duration_ms"].(float64); !ok || line["source"] != "192.0.2.1" {
		t.Errorf("got the line %v, want a number in duration_ms and the source 192.0.2.1", line)
	}
	for _, leaked := range []string{"SecurePass123!", "pythonista", "the-access-token"} {
		if strings.Contains(logs.String(), leaked) {
			t.Errorf("got the log %s, want it without %q", logs.String(), leaked)
		}
	}
}

// TestTheLineOfASecurityEvent checks that such a request has one line like any other, which the filter of security events counts.
func TestTheLineOfASecurityEvent(t *testing.T) {
	var logs strings.Builder
	serve(&loginStub{event: "token_reused", err: account.ErrInvalidCredentials}, &logs, "application/json", good)
	var line map[string]any
	if err := json.Unmarshal([]byte(logs.String()), &line); err != nil {
		t.Fatalf("got the log %s, want one JSON line: %v", logs.String(), err)
	}
	if line["msg"] != "security event" || line["event"] != "token_reused" || line["level"] != "WARN" || line["status"] != 403.0 {
		t.Errorf("got the line %v, want a security event at level WARN with its kind and status 403", line)
	}
}

// TestNothingOfABodyIsLogged is necessary because the errors of decoders quote their input.
func TestNothingOfABodyIsLogged(t *testing.T) {
	for _, body := range []string{
		`{"SecretPw987!": tru}`, `{"SecretPw987!":1,"SecretPw987!":2}`, `{"password":"SecretPw987!\uZZZZ"}`, `{"password":"SecretPw987!`,
		`{"username":["SecretPw987!"],"password":"x"}`, `"SecretPw987!"`, `{} SecretPw987!`, "{\"password\":\"SecretPw987!\xff\"}",
	} {
		var logs strings.Builder
		if response := serve(&loginStub{}, &logs, "application/json", body); response.Code != 400 {
			t.Errorf("%s: got %d, want 400", body, response.Code)
		}
		if strings.Contains(logs.String(), "SecretPw987!") {
			t.Errorf("%s: got the log %s, want it without the password", body, logs.String())
		}
	}
}

func TestHeadersOfEveryResponse(t *testing.T) {
	for name, response := range map[string]*httptest.ResponseRecorder{
		"success": serve(&loginStub{}, io.Discard, "application/json", good),
		"failure": serve(&loginStub{err: errors.New("x")}, io.Discard, "application/json", good),
	} {
		for header, want := range map[string]string{
			"Cache-Control":             "no-store",
			"X-Content-Type-Options":    "nosniff",
			"Referrer-Policy":           "no-referrer",
			"Strict-Transport-Security": "max-age=63072000; includeSubDomains",
			"Content-Type":              "application/json",
		} {
			if got := response.Header().Get(header); got != want {
				t.Errorf("%s: got %s %q, want %q", name, header, got, want)
			}
		}
	}
}

func TestFallback(t *testing.T) {
	tests := map[string]struct {
		method, path string
		status       int
		allow        string
	}{
		"unknown path":     {"GET", "/nowhere", 404, ""},
		"wrong method":     {"GET", "/api/auth/login", 405, "POST"},
		"HEAD is not GET":  {"HEAD", "/api/auth/me", 405, "GET, POST"},
		"a trailing slash": {"POST", "/api/auth/login/", 404, ""},
		"an endpoint that the gateway did not match": {"POST", "/api/auth/login", 404, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			plain := serverOptions(newSessionStore(0), io.Discard)
			plain.HTTPS = false
			response := httptest.NewRecorder()
			httpapi.NewServer(plain).Fallback().ServeHTTP(response, httptest.NewRequest(test.method, test.path, nil))
			if response.Code != test.status || response.Header().Get("Allow") != test.allow {
				t.Errorf("%s %s: got %d with Allow %q, want %d with %q",
					test.method, test.path, response.Code, response.Header().Get("Allow"), test.status, test.allow)
			}
			if response.Header().Get("Strict-Transport-Security") != "" {
				t.Errorf("%s %s over plain HTTP: got Strict-Transport-Security, want none", test.method, test.path)
			}
		})
	}
}

func TestMe(t *testing.T) {
	tests := map[string]struct {
		authorization, contentType, body string
		status                           int
	}{
		"good":                     {"Bearer user", "", "", 200},
		"scheme in another case":   {"bEARER user", "", "", 200},
		"two spaces":               {"Bearer  user", "", "", 200},
		"an object as a body":      {"Bearer user", "application/json", "{}", 200},
		"null as a body":           {"Bearer user", "application/json", " null\n", 200},
		"null and more":            {"Bearer user", "application/json", "null null", 400},
		"null without a type":      {"Bearer user", "", "null", 415},
		"none":                     {"", "", "", 401},
		"bad":                      {"Bearer bad", "", "", 401},
		"another scheme":           {"Basic user", "", "", 401},
		"no scheme":                {"user", "", "", 401},
		"bad with a bad body":      {"Bearer bad", "application/json", "{", 401},
		"good with a bad body":     {"Bearer user", "application/json", "{", 400},
		"good with a form":         {"Bearer user", "application/x-www-form-urlencoded", "a=b", 415},
		"good with 17 KiB of body": {"Bearer user", "application/json", strings.Repeat(" ", 17<<10), 413},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			response := respond(serverOptions(newSessionStore(0), io.Discard), me(contract.Me), test.body,
				"Authorization: "+test.authorization, "Content-Type: "+test.contentType)
			if response.Code != test.status {
				t.Errorf("Authorization %q with a body of %d bytes of type %q: got %d %s, want %d",
					test.authorization, len(test.body), test.contentType, response.Code, response.Body, test.status)
			}
		})
	}
}

// FuzzBody checks that no body causes a panic or a response 500, and that the rule is called only with complete input.
func FuzzBody(f *testing.F) {
	for _, seed := range []string{good, "", "{}", "[]", `{"username":"\ud800"}`, `{"a":{"b":[{}]}}`, `{"password":1e999}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		stub := &loginStub{}
		response := serve(stub, io.Discard, "application/json", body)
		if response.Code != 200 && response.Code != 400 && response.Code != 413 {
			t.Errorf("%q: got %d %s, want 200, 400 or 413", body, response.Code, response.Body)
		}
		if stub.calls > 0 && (stub.name == "" || stub.pass.IsZero()) {
			t.Errorf("%q: got a call of the rule with the name %q, want a name and a password", body, stub.name)
		}
	})
}
