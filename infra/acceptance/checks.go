package acceptance

import (
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"testing"
)

// CheckHeaders looks for the headers that every answer of the API has, the public keys and the pages apart.
func CheckHeaders(t *testing.T, header http.Header) {
	t.Helper()
	for name, want := range map[string]string{
		"Content-Type": "application/json", "Cache-Control": "no-store",
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
	} {
		if value := header.Get(name); value != want {
			t.Errorf("%s is %q, want %q", name, value, want)
		}
	}
}

var pair = regexp.MustCompile(
	`^\{"access_token":"[\w-]+\.[\w-]+\.[\w-]+","refresh_token":"[\w-]+","token_type":"bearer","expires_in":[1-9]\d*\}$`)

// checkTokens ends the test without a pair of tokens.
func checkTokens(t *testing.T, got answer, status int) {
	t.Helper()
	if got.status != status || !pair.MatchString(got.body) {
		t.Fatalf("the answer is %d %s", got.status, got.body)
	}
	CheckHeaders(t, got.header)
}

// checkMessage ends the test without that message, which clients may compare.
func checkMessage(t *testing.T, got answer, status int, message string) {
	t.Helper()
	if got.status != status || got.body != `{"message":"`+message+`"}` {
		t.Fatalf("the answer is %d %s", got.status, got.body)
	}
	CheckHeaders(t, got.header)
}

// checkRefusal looks for an error of the contract's form.
func checkRefusal(t *testing.T, got answer, status int, detail string) {
	t.Helper()
	if got.status != status || got.member("detail") != detail || got.member("code") == "" || got.member("request_id") == "" {
		t.Errorf("the answer is %d %s, want %d %s", got.status, got.body, status, detail)
	}
	CheckHeaders(t, got.header)
}

var (
	uuid    = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	rfc3339 = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`)
)

// checkUser looks for exactly the members of a user who has logged in: those in want, and three that differ from run to run.
func checkUser(t *testing.T, got answer, want map[string]any) {
	t.Helper()
	var user map[string]any
	if err := json.Unmarshal([]byte(got.body), &user); err != nil || got.status != http.StatusOK {
		t.Fatalf("the answer is %d %s", got.status, got.body)
	}
	CheckHeaders(t, got.header)
	for name, form := range map[string]*regexp.Regexp{"id": uuid, "date_joined": rfc3339, "last_login": rfc3339} {
		if !form.MatchString(got.member(name)) {
			t.Errorf("%s is %q", name, got.member(name))
		}
		delete(user, name)
	}
	if !maps.Equal(user, want) {
		names := slices.Sorted(maps.Keys(want))
		t.Errorf("the user is %s, want the members %v as %v", got.body, names, want)
	}
}
