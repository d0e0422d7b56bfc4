package e2e_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// The payloads of the guide.
const (
	guideRegister = `{
		"username": "pythonista",
		"email": "pythonista@example.com",
		"password": "SecurePass123!",
		"first_name": "Guido",
		"last_name": "van Rossum"
	}`
	guideLogin = `{"username": "pythonista", "password": "SecurePass123!"}`
)

func TestGuide(t *testing.T) {
	registered := post(t, "/api/auth/register", guideRegister)
	checkTokens(t, registered, http.StatusCreated)
	loggedIn := post(t, "/api/auth/login", guideLogin)
	checkTokens(t, loggedIn, http.StatusOK)
	for _, token := range []string{registered.member("access_token"), loggedIn.member("access_token")} {
		for _, method := range []string{"POST", "GET"} {
			checkMe(t, send(t, shared.URL, method, "/api/auth/me", "", bearer(token)))
		}
	}
}

func checkTokens(t *testing.T, got answer, status int) {
	t.Helper()
	if got.status != status {
		t.Fatalf("the answer is %d %s", got.status, got.body)
	}
	form := `^\{"access_token":"[\w-]+\.[\w-]+\.[\w-]+","refresh_token":"[\w-]+","token_type":"bearer","expires_in":604800\}$`
	if !regexp.MustCompile(form).MatchString(got.body) {
		t.Errorf("the body is %s", got.body)
	}
	checkHeaders(t, got)
}

func checkHeaders(t *testing.T, got answer) {
	t.Helper()
	for name, want := range map[string]string{
		"Content-Type": "application/json", "Cache-Control": "no-store",
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
	} {
		if value := got.header.Get(name); value != want {
			t.Errorf("%s is %q, want %q", name, value, want)
		}
	}
}

func checkMe(t *testing.T, got answer) {
	t.Helper()
	if got.status != http.StatusOK {
		t.Fatalf("the answer is %d %s", got.status, got.body)
	}
	checkHeaders(t, got)
	var user map[string]any
	if err := json.Unmarshal([]byte(got.body), &user); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"username": "pythonista", "email": "pythonista@example.com", "first_name": "Guido", "last_name": "van Rossum",
		"is_active": true, "is_staff": false, "is_superuser": false, "email_verified": false, "has_membership": false,
		"oauth_provider": nil,
	}
	for name, value := range want {
		if got, there := user[name]; !there || got != value {
			t.Errorf("%s is %v, want %v", name, got, value)
		}
	}
	uuid := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	rfc3339 := regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`)
	if !uuid.MatchString(got.member("id")) || !rfc3339.MatchString(got.member("date_joined")) ||
		!rfc3339.MatchString(got.member("last_login")) || len(user) != len(want)+3 {
		t.Errorf("the user is %s", got.body)
	}
}

func TestANewAccountHasNeverLoggedIn(t *testing.T) {
	got := send(t, shared.URL, "GET", "/api/auth/me", "", bearer(register(t, "newcomer")))
	if !strings.Contains(got.body, `"last_login":null`) {
		t.Errorf("the user is %s", got.body)
	}
}

func TestHealth(t *testing.T) {
	got := send(t, shared.URL, "GET", "/api/auth/health", "")
	if got.status != http.StatusOK || !regexp.MustCompile(`^\{"status":"ok","version":"\d+\.\d+\.\d+"\}$`).MatchString(got.body) {
		t.Errorf("the answer is %d %s", got.status, got.body)
	}
}

// TestFieldsThatARegistrationCannotSet: unknown members are ignored and never stored.
func TestFieldsThatARegistrationCannotSet(t *testing.T) {
	body := strings.Replace(registration("climber"), "{", `{"is_staff":true,"is_superuser":true,"email_verified":true,"id":"x","epoch":9,`, 1)
	token := post(t, "/api/auth/register", body).member("access_token")
	got := send(t, shared.URL, "GET", "/api/auth/me", "", bearer(token))
	for _, name := range []string{"is_staff", "is_superuser", "email_verified"} {
		if got.member(name) != "false" {
			t.Errorf("%s is %s", name, got.member(name))
		}
	}
	if got.member("id") == "x" {
		t.Error("the id is the caller's")
	}
}

func TestLoginByAddressAndSpelling(t *testing.T) {
	register(t, "Strassenname")
	for _, name := range []string{"straßenname", "STRASSENNAME", "strassenname@EXAMPLE.com"} {
		if got := post(t, "/api/auth/login", credentials(name)); got.status != http.StatusOK {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
}
