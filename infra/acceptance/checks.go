package acceptance

import (
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"testing"

	"latchkey/infra/testkit/httpclient"
)

// CheckHeaders checks the headers that every JSON response of the API has, except the public keys and the discovery
// document.
func CheckHeaders(t *testing.T, header http.Header) {
	t.Helper()
	for name, want := range map[string]string{
		"Content-Type": "application/json", "Cache-Control": "no-store",
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
	} {
		if got := header.Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

var tokenPair = regexp.MustCompile(
	`^\{"access_token":"[\w-]+\.[\w-]+\.[\w-]+","refresh_token":"[\w-]+","token_type":"bearer","expires_in":[1-9]\d*\}$`)

// checkTokens ends the test if the response is not a pair of tokens.
func checkTokens(t *testing.T, got httpclient.Response, status int) {
	t.Helper()
	if got.Status != status || !tokenPair.MatchString(got.Body) {
		t.Fatalf("got %v, want %d and a pair of tokens", got, status)
	}
	CheckHeaders(t, got.Header)
}

// checkMessage ends the test if the response does not have the message. Clients may compare it, so its wording is fixed.
func checkMessage(t *testing.T, got httpclient.Response, status int, message string) {
	t.Helper()
	if want := `{"message":"` + message + `"}`; got.Status != status || got.Body != want {
		t.Fatalf("got %v, want %d %s", got, status, want)
	}
	CheckHeaders(t, got.Header)
}

// checkRefusal checks for an error in the form of the contract.
func checkRefusal(t *testing.T, got httpclient.Response, status int, detail string) {
	t.Helper()
	if got.Status != status || got.Member("detail") != detail || got.Member("code") == "" || got.Member("request_id") == "" {
		t.Errorf("got %v, want %d with the detail %q, a code and a request id", got, status, detail)
	}
	CheckHeaders(t, got.Header)
}

var (
	uuid    = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	rfc3339 = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`)
)

// checkUser checks a user who has logged in. The user must have exactly the members in want and three more, which differ
// between runs.
func checkUser(t *testing.T, got httpclient.Response, want map[string]any) {
	t.Helper()
	var members map[string]any
	if err := json.Unmarshal([]byte(got.Body), &members); err != nil || got.Status != http.StatusOK {
		t.Fatalf("got %v, want 200 and a user", got)
	}
	CheckHeaders(t, got.Header)
	for name, form := range map[string]*regexp.Regexp{"id": uuid, "date_joined": rfc3339, "last_login": rfc3339} {
		if !form.MatchString(got.Member(name)) {
			t.Errorf("%s: got %q, want a match of %v", name, got.Member(name), form)
		}
		delete(members, name)
	}
	if !maps.Equal(members, want) {
		t.Errorf("got the members %v, want %v", members, want)
	}
}
