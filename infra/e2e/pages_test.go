package e2e_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

const asForm = "Content-Type: application/x-www-form-urlencoded"

// page sends a request to a page behind a mailed link and checks what every page has.
func page(t *testing.T, method, path, form string, headers ...string) response {
	t.Helper()
	got := send(t, shared.URL, method, path, form, append(headers, asForm)...)
	for name, want := range map[string]string{
		"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store", "Referrer-Policy": "same-origin", "X-Content-Type-Options": "nosniff",
	} {
		if value := got.Header.Get(name); value != want {
			t.Errorf("%s of %s is %q, want %q", name, path, value, want)
		}
	}
	if csp := got.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'; style-src 'sha256-") {
		t.Errorf("the policy is %q", csp)
	}
	return got
}

// TestAScannerVerifiesNothing: it follows the link, and only the button acts.
func TestAScannerVerifiesNothing(t *testing.T) {
	token := register(t, "scanned")
	path := "/account/verify-email/" + awaitMail(t, shared.MailURL, "scanned@example.com", 1).token(t)
	for range 3 {
		if got := page(t, "GET", path, ""); got.Status != http.StatusOK || !strings.Contains(got.Body, "scanned") || !strings.Contains(got.Body, "not-me") {
			t.Errorf("the page: %v", got)
		}
	}
	if me(t, bearer(token)).Member("email_verified") != "false" {
		t.Fatal("looking at the page has verified the address")
	}
	if got := page(t, "POST", path, "action=verify"); got.Status != http.StatusOK || !strings.Contains(got.Body, "is confirmed") {
		t.Errorf("the button: %v", got)
	}
	if got := page(t, "POST", path, "action=verify"); got.Status != http.StatusOK || !strings.Contains(got.Body, "already confirmed") {
		t.Errorf("the button again: %v", got)
	}
	if me(t, bearer(token)).Member("email_verified") != "true" {
		t.Error("the button has not verified the address")
	}
}

// TestThisWasNotMe takes a stranger's account from him, once, unless its holder has proved to own the mailbox.
func TestThisWasNotMe(t *testing.T) {
	token := register(t, "stranger1")
	path := "/account/verify-email/" + awaitMail(t, shared.MailURL, "stranger1@example.com", 1).token(t)
	if got := page(t, "POST", path, "action=not-me"); got.Status != http.StatusOK {
		t.Errorf("not me: %v", got)
	}
	if me(t, bearer(token)).Status != http.StatusUnauthorized || post(t, "/api/auth/login", credentials("stranger1")).Status != http.StatusForbidden {
		t.Error("the stranger is still in")
	}
	if got := page(t, "POST", path, "action=not-me"); got.Status != http.StatusForbidden || !strings.Contains(got.Body, "cannot be used") {
		t.Errorf("not me again: %v", got)
	}

	register(t, "owner1")
	cookie := cookieLogin(t, "owner1")
	path = "/account/verify-email/" + awaitMail(t, shared.MailURL, "owner1@example.com", 1).token(t)
	if got := page(t, "POST", path, "action=verify", cookie); got.Status != http.StatusOK {
		t.Errorf("verifying with a session: %v", got)
	}
	if got := page(t, "GET", path, ""); got.Status != http.StatusOK || strings.Contains(got.Body, "not-me") {
		t.Errorf("the page of a proven account: %v", got)
	}
	if got := page(t, "POST", path, "action=not-me"); got.Status != http.StatusForbidden || me(t, cookie).Status != http.StatusOK {
		t.Errorf("not me, of a proven account: %d", got.Status)
	}
}

func TestTheResetPage(t *testing.T) {
	register(t, "pagereset")
	awaitMail(t, shared.MailURL, "pagereset@example.com", 1)
	post(t, "/api/auth/forgot-password", asEmail("pagereset"))
	path := "/account/reset-password/" + awaitMail(t, shared.MailURL, "pagereset@example.com", 2).token(t)
	form := func(password string) string { return url.Values{"new_password": {password}}.Encode() }
	for range 2 {
		if got := page(t, "GET", path, ""); got.Status != http.StatusOK || !strings.Contains(got.Body, "pagereset") {
			t.Errorf("the page: %v", got)
		}
	}
	for _, refused := range []string{"", "short", "password123", "pageresetpagereset"} {
		if got := page(t, "POST", path, form(refused)); got.Status != http.StatusBadRequest || !strings.Contains(got.Body, `role="alert"`) {
			t.Errorf("the password %q: %v", refused, got)
		}
	}
	if got := page(t, "POST", path, form("a+b & c=d ünïcode")); got.Status != http.StatusOK || !strings.Contains(got.Body, "Password changed") {
		t.Errorf("a good password: %v", got)
	}
	if got := post(t, "/api/auth/login", `{"username":"pagereset","password":"a+b & c=d ünïcode"}`); got.Status != http.StatusOK {
		t.Errorf("logging in with it: %v", got)
	}
	if got := page(t, "POST", path, form("another good one")); got.Status != http.StatusForbidden {
		t.Errorf("the link again: %d", got.Status)
	}
}

func TestPagesThatAreNone(t *testing.T) {
	register(t, "pagemix")
	verification := awaitMail(t, shared.MailURL, "pagemix@example.com", 1).token(t)
	for _, path := range []string{"/account/verify-email/x", "/account/reset-password/x", "/account/reset-password/" + verification} {
		if got := page(t, "GET", path, ""); got.Status != http.StatusForbidden || !strings.Contains(got.Body, "cannot be used") {
			t.Errorf("%s: %v", path, got)
		}
	}
	path := "/account/verify-email/" + verification
	for name, headers := range map[string][]string{
		"another origin, with a cookie": {cookieLogin(t, "pagemix"), "Origin: https://evil.example", "Sec-Fetch-Site: cross-site"},
	} {
		if got := page(t, "POST", path, "action=not-me", headers...); got.Status != http.StatusForbidden || strings.Contains(got.Body, "Thank you") {
			t.Errorf("%s: %v", name, got)
		}
	}
	if got := send(t, shared.URL, "POST", path, `{"action":"not-me"}`, "Content-Type: application/json"); got.Status != http.StatusUnsupportedMediaType {
		t.Errorf("JSON at a page: %d", got.Status)
	}
	if got := send(t, shared.URL, "PUT", path, ""); got.Status != http.StatusMethodNotAllowed || got.Header.Get("Allow") != "GET, POST" {
		t.Errorf("PUT at a page: %d, Allow %q", got.Status, got.Header.Get("Allow"))
	}
}
