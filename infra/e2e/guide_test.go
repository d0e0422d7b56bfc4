package e2e_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"latchkey/infra/acceptance"
	"latchkey/infra/testkit/openidtest"
)

// TestGuide is what `make e2e` runs against any deployment.
func TestGuide(t *testing.T) {
	newPerson(t) // at GitHub
	shared.google.SignIn("visitor", openidtest.Claims{"email": fresh() + "@example.com", "email_verified": true})
	acceptance.Run(t, acceptance.Deployment{URL: shared.URL, MailURL: shared.MailURL, Transport: secrets})
}

// guideRegistration is the guide's own payload, whose size the budgets are stated for, with that name.
func guideRegistration(name string) string {
	return strings.ReplaceAll(`{
		"username": "pythonista",
		"email": "pythonista@example.com",
		"password": "SecurePass123!",
		"first_name": "Guido",
		"last_name": "van Rossum"
	}`, "pythonista", name)
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
	acceptance.CheckHeaders(t, got.header)
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
