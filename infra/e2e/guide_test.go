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
	visited := coverage{}
	for _, endpoint := range observed.during(func() {
		acceptance.Run(t, acceptance.Deployment{URL: shared.URL, MailURL: shared.MailURL, Transport: secrets})
	}) {
		visited[endpoint] = true
	}
	visited.require(t, "add a step to infra/acceptance", noneExempt)
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

func checkTokens(t *testing.T, got response, status int) {
	t.Helper()
	if got.Status != status {
		t.Fatalf("the answer is %v", got)
	}
	form := `^\{"access_token":"[\w-]+\.[\w-]+\.[\w-]+","refresh_token":"[\w-]+","token_type":"bearer","expires_in":604800\}$`
	if !regexp.MustCompile(form).MatchString(got.Body) {
		t.Errorf("the body is %s", got.Body)
	}
	checkHeaders(t, got)
}

func checkHeaders(t *testing.T, got response) {
	t.Helper()
	acceptance.CheckHeaders(t, got.Header)
}

func TestANewAccountHasNeverLoggedIn(t *testing.T) {
	got := send(t, shared.URL, "GET", "/api/auth/me", "", bearer(register(t, "newcomer")))
	if !strings.Contains(got.Body, `"last_login":null`) {
		t.Errorf("the user is %s", got.Body)
	}
}

func TestHealth(t *testing.T) {
	got := send(t, shared.URL, "GET", "/api/auth/health", "")
	if got.Status != http.StatusOK || !regexp.MustCompile(`^\{"status":"ok","version":"\d+\.\d+\.\d+"\}$`).MatchString(got.Body) {
		t.Errorf("the answer is %v", got)
	}
}

// TestFieldsThatARegistrationCannotSet: unknown members are ignored and never stored.
func TestFieldsThatARegistrationCannotSet(t *testing.T) {
	body := strings.Replace(registration("climber"), "{", `{"is_staff":true,"is_superuser":true,"email_verified":true,"id":"x","epoch":9,`, 1)
	token := post(t, "/api/auth/register", body).Member("access_token")
	got := send(t, shared.URL, "GET", "/api/auth/me", "", bearer(token))
	for _, name := range []string{"is_staff", "is_superuser", "email_verified"} {
		if got.Member(name) != "false" {
			t.Errorf("%s is %s", name, got.Member(name))
		}
	}
	if got.Member("id") == "x" {
		t.Error("the id is the caller's")
	}
}

func TestLoginByAddressAndSpelling(t *testing.T) {
	register(t, "Strassenname")
	for _, name := range []string{"straßenname", "STRASSENNAME", "strassenname@EXAMPLE.com"} {
		if got := post(t, "/api/auth/login", credentials(name)); got.Status != http.StatusOK {
			t.Errorf("%s: %v", name, got)
		}
	}
}
