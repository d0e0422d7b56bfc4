package e2e_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"latchkey/infra/acceptance"
	"latchkey/infra/testkit/openidtest"
)

// TestGuide runs the same steps against the shared stack as `make e2e` runs against any deployment.
func TestGuide(t *testing.T) {
	newPerson(t) // signs in at GitHub
	name := uniqueName("guide")
	shared.Google.SignIn(name, openidtest.Claims{"email": email(name), "email_verified": true})
	covered := coverage{}
	for _, endpoint := range observed.during(func() {
		acceptance.Run(t, acceptance.Deployment{URL: shared.URL, MailURL: shared.MailURL, Transport: secrets})
	}) {
		covered[endpoint] = true
	}
	covered.require(t, "add a step to infra/acceptance", noneExempt)
}

// guideRegistration returns the registration of the guide with another name. The budgets apply to a payload of this size.
func guideRegistration(name string) string {
	return strings.ReplaceAll(`{
		"username": "pythonista",
		"email": "pythonista@example.com",
		"password": "SecurePass123!",
		"first_name": "Guido",
		"last_name": "van Rossum"
	}`, "pythonista", name)
}

var tokenPair = regexp.MustCompile(
	`^\{"access_token":"[\w-]+\.[\w-]+\.[\w-]+","refresh_token":"[\w-]+","token_type":"bearer","expires_in":604800\}$`)

// checkTokens ends the test if the response has another status.
func checkTokens(t *testing.T, got response, status int) {
	t.Helper()
	if got.Status != status {
		t.Fatalf("got %v, want %d", got, status)
	}
	if !tokenPair.MatchString(got.Body) {
		t.Errorf("got %v, want a pair of tokens", got)
	}
	checkHeaders(t, got)
}

func checkHeaders(t *testing.T, got response) {
	t.Helper()
	acceptance.CheckHeaders(t, got.Header)
}

func TestANewAccountHasNeverLoggedIn(t *testing.T) {
	got := me(t, bearer(register(t, uniqueName("new"))))
	if want := `"last_login":null`; !strings.Contains(got.Body, want) {
		t.Errorf("me: got %v, want it to contain %s", got, want)
	}
}

func TestHealth(t *testing.T) {
	want := regexp.MustCompile(`^\{"status":"ok","version":"\d+\.\d+\.\d+"\}$`)
	if got := get(t, "/api/auth/health"); got.Status != http.StatusOK || !want.MatchString(got.Body) {
		t.Errorf("health: got %v, want 200 and a match of %v", got, want)
	}
}

// TestLoginByAddressAndSpelling checks that a login finds the account by any spelling of its username or address.
func TestLoginByAddressAndSpelling(t *testing.T) {
	id := uniqueID()
	register(t, fmt.Sprintf("Strassenname%d", id))
	for _, spelling := range []string{"straßenname%d", "STRASSENNAME%d", "strassenname%d@EXAMPLE.com"} {
		name := fmt.Sprintf(spelling, id)
		if got := post(t, "/api/auth/login", credentials(name)); got.Status != http.StatusOK {
			t.Errorf("login as %s: got %v, want 200", name, got)
		}
	}
}

// TestFieldsThatARegistrationCannotSet checks that unknown members are ignored and never stored.
func TestFieldsThatARegistrationCannotSet(t *testing.T) {
	body := strings.Replace(registration(uniqueName("climber")), "{",
		`{"is_staff":true,"is_superuser":true,"email_verified":true,"id":"x","epoch":9,`, 1)
	got := me(t, bearer(post(t, "/api/auth/register", body).Member("access_token")))
	for _, name := range []string{"is_staff", "is_superuser", "email_verified"} {
		if got.Member(name) != "false" {
			t.Errorf("%s: got %q, want false", name, got.Member(name))
		}
	}
	if id := got.Member("id"); id == "x" || id == "" {
		t.Errorf("id: got %q, want an id that the service chose", id)
	}
}
