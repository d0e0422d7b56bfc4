package e2e_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"latchkey/infra/testkit/httpclient"
)

// page requests a page behind a mailed link and checks the headers that every page has.
func page(t *testing.T, method, path, form string, headers ...string) response {
	t.Helper()
	got := send(t, shared.URL, method, path, form, append(headers, httpclient.Form)...)
	for name, want := range map[string]string{
		"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store", "Referrer-Policy": "same-origin", "X-Content-Type-Options": "nosniff",
	} {
		if value := got.Header.Get(name); value != want {
			t.Errorf("%s %s: got %s %q, want %q", method, path, name, value, want)
		}
	}
	if csp, want := got.Header.Get("Content-Security-Policy"), "default-src 'none'; style-src 'sha256-"; !strings.HasPrefix(csp, want) {
		t.Errorf("%s %s: got the policy %q, want it to start with %q", method, path, csp, want)
	}
	return got
}

// checkPage checks the status and a text of a page.
func checkPage(t *testing.T, name string, got response, status int, text string) {
	t.Helper()
	if got.Status != status || !strings.Contains(got.Body, text) {
		t.Errorf("%s: got %v, want %d and a page that contains %q", name, got, status, text)
	}
}

// TestOpeningTheLinkVerifiesNothing checks that only the button verifies the address, because mail scanners open links.
func TestOpeningTheLinkVerifiesNothing(t *testing.T) {
	name := uniqueName("scanned")
	token := register(t, name)
	path := "/account/verify-email/" + awaitMail(t, name, 1).token(t)
	for range 3 {
		got := page(t, "GET", path, "")
		checkPage(t, "the page", got, http.StatusOK, name)
		checkPage(t, "the page", got, http.StatusOK, "not-me")
	}
	if got := me(t, bearer(token)); got.Member("email_verified") != "false" {
		t.Fatalf("me after opening the link: got %v, want email_verified false", got)
	}
	checkPage(t, "the button", page(t, "POST", path, "action=verify"), http.StatusOK, "is confirmed")
	checkPage(t, "the button again", page(t, "POST", path, "action=verify"), http.StatusOK, "already confirmed")
	if got := me(t, bearer(token)); got.Member("email_verified") != "true" {
		t.Errorf("me after the button: got %v, want email_verified true", got)
	}
}

// TestThisWasNotMe checks that the button ends the access of a stranger who has registered the address. It works once, and
// not against an owner who has proven the address.
func TestThisWasNotMe(t *testing.T) {
	stranger := uniqueName("stranger")
	token := register(t, stranger)
	path := "/account/verify-email/" + awaitMail(t, stranger, 1).token(t)
	checkPage(t, "not me", page(t, "POST", path, "action=not-me"), http.StatusOK, "")
	if got := me(t, bearer(token)); got.Status != http.StatusUnauthorized {
		t.Errorf("me of the stranger: got %v, want 401", got)
	}
	if got := post(t, "/api/auth/login", credentials(stranger)); got.Status != http.StatusForbidden {
		t.Errorf("login of the stranger: got %v, want 403", got)
	}
	checkPage(t, "not me again", page(t, "POST", path, "action=not-me"), http.StatusForbidden, "cannot be used")

	owner := uniqueName("owner")
	register(t, owner)
	cookie := cookieLogin(t, owner)
	path = "/account/verify-email/" + awaitMail(t, owner, 1).token(t)
	checkPage(t, "verify with a session", page(t, "POST", path, "action=verify", cookie), http.StatusOK, "")
	if got := page(t, "GET", path, ""); got.Status != http.StatusOK || strings.Contains(got.Body, "not-me") {
		t.Errorf("the page of a proven account: got %v, want 200 and no button not-me", got)
	}
	checkPage(t, "not me of a proven account", page(t, "POST", path, "action=not-me"), http.StatusForbidden, "")
	if got := me(t, cookie); got.Status != http.StatusOK {
		t.Errorf("me of the owner: got %v, want 200", got)
	}
}

func TestTheResetPage(t *testing.T) {
	name := uniqueName("reset-page")
	register(t, name)
	awaitMail(t, name, 1)
	post(t, "/api/auth/forgot-password", emailBody(name))
	path := "/account/reset-password/" + awaitMail(t, name, 2).token(t)
	form := func(password string) string { return url.Values{"new_password": {password}}.Encode() }
	for range 2 {
		checkPage(t, "the page", page(t, "GET", path, ""), http.StatusOK, name)
	}
	for _, refused := range []string{"", "short", "password123", name + name} {
		checkPage(t, "the password "+refused, page(t, "POST", path, form(refused)), http.StatusBadRequest, `role="alert"`)
	}
	for _, encoded := range []string{"gr%FC%DFe+aus+Bonn", "%ED%A0%80+a+lone+surrogate", "a+good+one%C3"} {
		got := page(t, "POST", path, "new_password="+encoded)
		checkPage(t, "a password that is not UTF-8, "+encoded, got, http.StatusBadRequest, "")
	}
	const password = "a+b & c=d ünïcode"
	checkPage(t, "the password "+password, page(t, "POST", path, form(password)), http.StatusOK, "Password changed")
	if got := post(t, "/api/auth/login", `{"username":"`+name+`","password":"`+password+`"}`); got.Status != http.StatusOK {
		t.Errorf("login with the new password: got %v, want 200", got)
	}
	checkPage(t, "the link again", page(t, "POST", path, form("another good one")), http.StatusForbidden, "")
}

func TestRefusedPages(t *testing.T) {
	name := uniqueName("pages")
	register(t, name)
	verification := awaitMail(t, name, 1).token(t)
	for _, path := range []string{"/account/verify-email/x", "/account/reset-password/x", "/account/reset-password/" + verification} {
		checkPage(t, "GET "+path, page(t, "GET", path, ""), http.StatusForbidden, "cannot be used")
	}
	path := "/account/verify-email/" + verification
	crossSite := page(t, "POST", path, "action=not-me", cookieLogin(t, name), "Origin: https://evil.example", "Sec-Fetch-Site: cross-site")
	if crossSite.Status != http.StatusForbidden || strings.Contains(crossSite.Body, "Thank you") {
		t.Errorf("not me from another origin: got %v, want 403", crossSite)
	}
	for _, form := range []string{"/account/reset-password/x", path} {
		got := page(t, "POST", form, "new_password=a+good+password", "Origin: https://evil.example", "Sec-Fetch-Site: cross-site")
		if got.Status != http.StatusForbidden || got.Header.Get("Set-Cookie") != "" {
			t.Errorf("the form of %s from another origin, without a session: got %v, want 403 and no cookie", form, got)
		}
	}
	if got := post(t, path, `{"action":"not-me"}`); got.Status != http.StatusUnsupportedMediaType {
		t.Errorf("JSON to a page: got %v, want 415", got)
	}
	if got := send(t, shared.URL, "PUT", path, ""); got.Status != http.StatusMethodNotAllowed || got.Header.Get("Allow") != "GET, POST" {
		t.Errorf("PUT to a page: got %v and Allow %q, want 405 and %q", got, got.Header.Get("Allow"), "GET, POST")
	}
}
