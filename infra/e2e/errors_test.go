package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"latchkey/infra/testkit/httpclient"
)

// TestErrors checks the error responses of the contract.
func TestErrors(t *testing.T) {
	name := uniqueName("errors")
	token := register(t, name)
	const json, form = httpclient.JSON, httpclient.Form
	tests := map[string]struct {
		method, path, body string
		headers            []string
		status             int
		detail             string
	}{
		"invalid fields":       {"POST", "/api/auth/register", `{"username":"x"}`, []string{json}, 400, "Validation failed for POST /api/auth/register"},
		"not JSON":             {"POST", "/api/auth/login", `{`, []string{json}, 400, "JSON is malformed"},
		"empty":                {"POST", "/api/auth/login", "", nil, 400, "JSON is malformed"},
		"empty form":           {"POST", "/api/auth/login", "", []string{form}, 400, "JSON is malformed"},
		"array":                {"POST", "/api/auth/login", `[]`, []string{json}, 400, "JSON is malformed"},
		"null":                 {"POST", "/api/auth/login", `null`, []string{json}, 400, "JSON is malformed"},
		"not UTF-8":            {"POST", "/api/auth/login", "{\"username\":\"\xff\"}", []string{json}, 400, "JSON is malformed"},
		"lone surrogate":       {"POST", "/api/auth/login", `{"username":"\ud800","password":"x"}`, []string{json}, 400, "JSON is malformed"},
		"duplicate name":       {"POST", "/api/auth/login", `{"username":"` + name + `","password":"a","password":"b"}`, []string{json}, 400, "JSON is malformed"},
		"nested 10,000 times":  {"POST", "/api/auth/login", strings.Repeat("[", 10_000), []string{json}, 400, "JSON is malformed"},
		"number of 400 digits": {"POST", "/api/auth/login", `{"username":"` + name + `","password":` + strings.Repeat("9", 400) + `}`, []string{json}, 400, "Validation failed for POST /api/auth/login"},
		"17 KiB":               {"POST", "/api/auth/login", `{"username":"` + strings.Repeat("x", 17<<10) + `"}`, []string{json}, 413, "Request Entity Too Large"},
		"form":                 {"POST", "/api/auth/login", "username=" + name, []string{form}, 415, "Content-Type must be application/json"},
		"no content type":      {"POST", "/api/auth/login", credentials(name), nil, 415, "Content-Type must be application/json"},
		"wrong password":       {"POST", "/api/auth/login", wrongCredentials(name), []string{json}, 403, "Invalid credentials"},
		"unknown user":         {"POST", "/api/auth/login", credentials(uniqueName("unknown")), []string{json}, 403, "Invalid credentials"},
		"username taken":       {"POST", "/api/auth/register", registration(strings.ToUpper(name)), []string{json}, 403, "Username already exists"},
		"address taken":        {"POST", "/api/auth/register", strings.Replace(registration(name), name, name+"x", 1), []string{json}, 403, "Email already registered"},
		"no credential":        {"POST", "/api/auth/me", "", nil, 401, "Authentication required"},
		"bad credential":       {"GET", "/api/auth/me", "", []string{bearer(token + "x")}, 401, "Authentication required"},
		"bad credential, body": {"POST", "/api/auth/me", "{", []string{bearer("x"), json}, 401, "Authentication required"},
		"bad body":             {"POST", "/api/auth/me", "{", []string{bearer(token), json}, 400, "JSON is malformed"},
		"unknown path":         {"GET", "/api/auth/nowhere", "", nil, 404, "Not Found"},
		"trailing slash":       {"POST", "/api/auth/login/", credentials(name), []string{json}, 404, "Not Found"},
		"wrong method":         {"GET", "/api/auth/login", "", nil, 405, "Method Not Allowed"},
		"another wrong method": {"DELETE", "/api/auth/me", "", nil, 405, "Method Not Allowed"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := send(t, shared.URL, test.method, test.path, test.body, test.headers...)
			if got.Status != test.status || got.Member("detail") != test.detail {
				t.Fatalf("%s %s: got %v, want %d %q", test.method, test.path, got, test.status, test.detail)
			}
			if got.Member("status_code") != fmt.Sprint(test.status) || got.Member("code") == "" || got.Member("request_id") == "" {
				t.Errorf("%s %s: got %v, want a status_code, a code and a request_id", test.method, test.path, got)
			}
			checkHeaders(t, got)
		})
	}
}

func TestHeadersOfErrors(t *testing.T) {
	for _, test := range []struct {
		method, header string // header is sent
		status         int
		name, value    string // of a response header
	}{
		{"PUT", "", 405, "Allow", "GET, POST"},
		{"HEAD", "", 405, "Allow", "GET, POST"},
		{"GET", "", 401, "WWW-Authenticate", "Bearer"},
		{"GET", bearer(strings.Repeat("x", 11_000)), 431, "", ""}, // the gateway limits headers to 10 kB
	} {
		var headers []string
		if test.header != "" {
			headers = []string{test.header}
		}
		got := send(t, shared.URL, test.method, "/api/auth/me", "", headers...)
		if got.Status != test.status || got.Header.Get(test.name) != test.value {
			t.Errorf("%s with %.30q: got %d and %s %q, want %d and %q",
				test.method, test.header, got.Status, test.name, got.Header.Get(test.name), test.status, test.value)
		}
	}
}

// TestLogsContainNoSecrets checks that the functions log requests, but neither credentials nor addresses.
func TestLogsContainNoSecrets(t *testing.T) {
	name := uniqueName("logged")
	token := register(t, name)
	post(t, "/api/auth/login", fmt.Sprintf(`{"username":%q,"password":"a-wrong-password"}`, name))
	get(t, "/api/auth/me", bearer(token), "Cookie: session_id=a-cookie", "Latchkey-Client-Key: a-client-key")
	text := logs.String()
	for _, secret := range []string{"SecurePass123!", "a-wrong-password", token, "a-cookie", "a-client-key", email(name), "$argon2id$"} {
		if strings.Contains(text, secret) {
			t.Errorf("the logs contain %q", secret)
		}
	}
	for _, want := range []string{`"route":"POST /api/auth/login","status":403`, `"code":"invalid_credentials"`, `"user_id":`} {
		if !strings.Contains(text, want) {
			t.Errorf("the logs do not contain %s", want)
		}
	}
}

// TestARefreshByForm refreshes as OAuth libraries do (RFC 6749 §6).
func TestARefreshByForm(t *testing.T) {
	name := uniqueName("form")
	register(t, name)
	refreshForm := func(form string) response {
		return send(t, shared.URL, "POST", "/api/auth/refresh", form, httpclient.Form)
	}
	token := login(t, name).Member("refresh_token")
	got := refreshForm("grant_type=refresh_token&client_id=x&scope=&refresh_token=" + token)
	if got.Status != http.StatusOK || got.Member("refresh_token") == "" || got.Member("token_type") != "bearer" {
		t.Fatalf("a refresh by form: got %v, want 200 and tokens", got)
	}
	if again := refresh(t, token); again.Member("refresh_token") != got.Member("refresh_token") {
		t.Errorf("the same token in JSON: got %v, want the same refresh token as in %v", again, got)
	}
	for form, field := range map[string]string{
		"refresh_token=" + token:                                                   "grant_type",
		"grant_type=password&refresh_token=" + token:                               "grant_type",
		"grant_type=refresh_token":                                                 "refresh_token",
		"grant_type=refresh_token&refresh_token=a&refresh_token=b":                 "refresh_token",
		"grant_type=refresh_token&grant_type=refresh_token&refresh_token=" + token: "grant_type",
	} {
		if got := refreshForm(form); got.Status != http.StatusBadRequest || !strings.Contains(got.Body, `"key":"`+field+`"`) {
			t.Errorf("%s: got %v, want 400 with the field %s", form, got, field)
		}
	}
	for _, form := range []string{"grant_type=refresh_token&refresh_token=%ff", "grant_type=refresh_token&refresh_token=%ED%A0%80", "%zz"} {
		if got := refreshForm(form); got.Member("code") != "malformed_form" {
			t.Errorf("%s: got %v, want malformed_form", form, got)
		}
	}
}
