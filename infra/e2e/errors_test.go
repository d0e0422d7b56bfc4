package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestErrors holds the contract's answer for each row of its table that applies.
func TestErrors(t *testing.T) {
	token := register(t, "errant")
	const asJSON = "Content-Type: application/json"
	tests := map[string]struct {
		method, path, body string
		headers            []string
		status             int
		detail             string
	}{
		"field faults":       {"POST", "/api/auth/register", `{"username":"x"}`, []string{asJSON}, 400, "Validation failed for POST /api/auth/register"},
		"no JSON":            {"POST", "/api/auth/login", `{`, []string{asJSON}, 400, "JSON is malformed"},
		"empty":              {"POST", "/api/auth/login", "", nil, 400, "JSON is malformed"},
		"empty, as a form":   {"POST", "/api/auth/login", "", []string{"Content-Type: application/x-www-form-urlencoded"}, 400, "JSON is malformed"},
		"an array":           {"POST", "/api/auth/login", `[]`, []string{asJSON}, 400, "JSON is malformed"},
		"null":               {"POST", "/api/auth/login", `null`, []string{asJSON}, 400, "JSON is malformed"},
		"no UTF-8":           {"POST", "/api/auth/login", "{\"username\":\"\xff\"}", []string{asJSON}, 400, "JSON is malformed"},
		"a lone surrogate":   {"POST", "/api/auth/login", `{"username":"\ud800","password":"x"}`, []string{asJSON}, 400, "JSON is malformed"},
		"a name twice":       {"POST", "/api/auth/login", `{"username":"errant","password":"a","password":"b"}`, []string{asJSON}, 400, "JSON is malformed"},
		"10,000 deep":        {"POST", "/api/auth/login", strings.Repeat("[", 10_000), []string{asJSON}, 400, "JSON is malformed"},
		"400 digits":         {"POST", "/api/auth/login", `{"username":"errant","password":` + strings.Repeat("9", 400) + `}`, []string{asJSON}, 400, "Validation failed for POST /api/auth/login"},
		"17 KiB":             {"POST", "/api/auth/login", `{"username":"` + strings.Repeat("x", 17<<10) + `"}`, []string{asJSON}, 413, "Request Entity Too Large"},
		"a form":             {"POST", "/api/auth/login", "username=errant", []string{"Content-Type: application/x-www-form-urlencoded"}, 415, "Content-Type must be application/json"},
		"no content type":    {"POST", "/api/auth/login", credentials("errant"), nil, 415, "Content-Type must be application/json"},
		"wrong password":     {"POST", "/api/auth/login", `{"username":"errant","password":"wrong"}`, []string{asJSON}, 403, "Invalid credentials"},
		"unknown user":       {"POST", "/api/auth/login", credentials("nobody"), []string{asJSON}, 403, "Invalid credentials"},
		"username taken":     {"POST", "/api/auth/register", registration("Errant"), []string{asJSON}, 403, "Username already exists"},
		"address taken":      {"POST", "/api/auth/register", strings.Replace(registration("errant"), `"errant"`, `"errant2"`, 1), []string{asJSON}, 403, "Email already registered"},
		"no credential":      {"POST", "/api/auth/me", "", nil, 401, "Authentication required"},
		"a bad credential":   {"GET", "/api/auth/me", "", []string{bearer(token + "x")}, 401, "Authentication required"},
		"bad, with bad body": {"POST", "/api/auth/me", "{", []string{bearer("x"), asJSON}, 401, "Authentication required"},
		"good, bad body":     {"POST", "/api/auth/me", "{", []string{bearer(token), asJSON}, 400, "JSON is malformed"},
		"unknown path":       {"GET", "/api/auth/nowhere", "", nil, 404, "Not Found"},
		"a slash too many":   {"POST", "/api/auth/login/", credentials("errant"), []string{asJSON}, 404, "Not Found"},
		"wrong method":       {"GET", "/api/auth/login", "", nil, 405, "Method Not Allowed"},
		"another method":     {"DELETE", "/api/auth/me", "", nil, 405, "Method Not Allowed"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := send(t, shared.URL, test.method, test.path, test.body, test.headers...)
			if got.Status != test.status || got.Member("detail") != test.detail {
				t.Fatalf("the answer is %v", got)
			}
			if got.Member("status_code") != fmt.Sprint(test.status) || got.Member("code") == "" || got.Member("request_id") == "" {
				t.Errorf("the body is %s", got.Body)
			}
			checkHeaders(t, got)
		})
	}
}

func TestHeadersOfErrors(t *testing.T) {
	if got := send(t, shared.URL, "PUT", "/api/auth/me", ""); got.Header.Get("Allow") != "GET, POST" {
		t.Errorf("405 has Allow %q", got.Header.Get("Allow"))
	}
	if got := send(t, shared.URL, "HEAD", "/api/auth/me", ""); got.Status != http.StatusMethodNotAllowed {
		t.Errorf("HEAD answers %d", got.Status)
	}
	if got := send(t, shared.URL, "GET", "/api/auth/me", ""); got.Header.Get("WWW-Authenticate") != "Bearer" {
		t.Errorf("401 has WWW-Authenticate %q", got.Header.Get("WWW-Authenticate"))
	}
	if got := send(t, shared.URL, "GET", "/api/auth/me", "", bearer(strings.Repeat("x", 11_000))); got.Status != 431 {
		t.Errorf("headers over 10 kB answer %d", got.Status)
	}
}

// TestLogsTellNothingSecret looks through all that the functions have logged for what tests have sent and got.
func TestLogsTellNothingSecret(t *testing.T) {
	token := register(t, "discreet")
	post(t, "/api/auth/login", `{"username":"discreet","password":"a-wrong-password"}`)
	send(t, shared.URL, "GET", "/api/auth/me", "", bearer(token), "Cookie: session_id=a-cookie")
	logged := shared.logs.String()
	for _, secret := range []string{"SecurePass123!", "a-wrong-password", token, "a-cookie", "discreet@example.com", "$argon2id$"} {
		if strings.Contains(logged, secret) {
			t.Errorf("the logs have %q", secret)
		}
	}
	for _, told := range []string{`"route":"POST /api/auth/login","status":403`, `"code":"invalid_credentials"`, `"user_id":`} {
		if !strings.Contains(logged, told) {
			t.Errorf("the logs lack %s", told)
		}
	}
}
