package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"latchkey/infra/local/mailbox"
	"latchkey/infra/testkit/wiretap"
)

// mail is a mail in a local inbox.
type mail struct{ mailbox.Mail }

// inbox returns all mails to a user, oldest first.
func inbox(t *testing.T, mailURL, name string) []mailbox.Mail {
	t.Helper()
	mails, err := mailbox.Read(t.Context(), mailURL, email(name))
	if err != nil {
		t.Fatal(err)
	}
	return mails
}

// mailTimeout limits the time from a request to its mail in the inbox. A busy machine needs many times what an idle one does.
const mailTimeout = 30 * time.Second

// awaitMail waits for the nth mail to a user of the shared stack.
func awaitMail(t *testing.T, name string, nth int) mail {
	t.Helper()
	return awaitMailAt(t, shared.MailURL, email(name), nth)
}

// awaitMailAt waits for the nth mail to an address.
func awaitMailAt(t *testing.T, mailURL, address string, nth int) mail {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), mailTimeout)
	defer cancel()
	got, err := mailbox.Await(ctx, mailURL, address, nth)
	if err != nil {
		t.Fatal(err)
	}
	return mail{got}
}

// token returns the token in the link of the mail. The link must be the same in both parts of the mail.
func (m mail) token(t *testing.T) string {
	t.Helper()
	page, token, err := m.Link()
	if err != nil || !strings.HasPrefix(page, "http://localhost:") {
		t.Fatalf("the link in %+v: got %s, %v; want one to localhost", m, page, err)
	}
	return token
}

// emailBody returns the body of a request for a mail.
func emailBody(name string) string { return fmt.Sprintf(`{"email":%q}`, email(name)) }

// resetPassword sends a reset token and a new password to the shared stack.
func resetPassword(t *testing.T, token, password string) response {
	t.Helper()
	return post(t, "/api/auth/reset-password", fmt.Sprintf(`{"token":%q,"new_password":%q}`, token, password))
}

// TestRegistrationMail checks that a registration sends one mail, whose link verifies the address.
func TestRegistrationMail(t *testing.T) {
	start, name := time.Now(), uniqueName("mail")
	token := bearer(register(t, name))
	link := "/api/auth/verify-email/" + awaitMail(t, name, 1).token(t)
	t.Logf("the mail arrived after %v", time.Since(start))
	if got := me(t, token); got.Member("email_verified") != "false" {
		t.Errorf("me before the link is used: got %v, want email_verified false", got)
	}
	for _, want := range []string{`{"message":"Email verified successfully"}`, `{"message":"Email already verified"}`} {
		got := get(t, link)
		if got.Status != http.StatusOK || got.Body != want {
			t.Errorf("verify-email: got %v, want 200 %s", got, want)
		}
		checkHeaders(t, got)
	}
	if got := me(t, token); got.Member("email_verified") != "true" {
		t.Errorf("me after the link is used: got %v, want email_verified true", got)
	}
	if mails := inbox(t, shared.MailURL, name); len(mails) != 1 {
		t.Errorf("got %d mails, want 1", len(mails))
	}
}

// TestForgottenPassword follows a password reset. It ends every session and sends a notice without a link.
func TestForgottenPassword(t *testing.T) {
	name := uniqueName("forgotten")
	register(t, name)
	awaitMail(t, name, 1)
	tokens, cookie := login(t, name), cookieLogin(t, name)
	request := post(t, "/api/auth/forgot-password", emailBody(name))
	want := `{"message":"If an account exists with this email, you will receive a password reset link"}`
	if request.Status != http.StatusCreated || request.Body != want {
		t.Fatalf("forgot-password: got %v, want 201 %s", request, want)
	}
	token := awaitMail(t, name, 2).token(t)
	if got := resetPassword(t, token, "short"); got.Status != http.StatusBadRequest || !strings.Contains(got.Body, `"key":"new_password"`) {
		t.Errorf("reset-password with a short password: got %v, want 400 about new_password", got)
	}
	want = `{"message":"Password reset successfully"}`
	if got := resetPassword(t, token, newPassword); got.Status != http.StatusOK || got.Body != want {
		t.Fatalf("reset-password: got %v, want 200 %s", got, want)
	}
	want = "Invalid or expired reset token"
	if got := resetPassword(t, token, "NewSecurePass789!"); got.Status != http.StatusForbidden || got.Member("detail") != want {
		t.Errorf("reset-password with a used token: got %v, want 403 %q", got, want)
	}
	checkEnded(t, tokens, "after the reset")
	if got := me(t, cookie); got.Status != http.StatusUnauthorized {
		t.Errorf("me with a cookie from before the reset: got %v, want 401", got)
	}
	if got := post(t, "/api/auth/login", credentials(name)); got.Status != http.StatusForbidden {
		t.Errorf("login with the old password: got %v, want 403", got)
	}
	if got := post(t, "/api/auth/login", fmt.Sprintf(`{"username":%q,"password":%q}`, name, newPassword)); got.Status != http.StatusOK {
		t.Errorf("login with the new password: got %v, want 200", got)
	}
	if notice := awaitMail(t, name, 3); strings.Contains(notice.Body.Text, "/account/") {
		t.Errorf("got the notice %s, want no link", notice.Body.Text)
	}
}

// TestKnownAndUnknownAddressesGetTheSameResponse compares status, body, headers and store calls.
func TestKnownAndUnknownAddressesGetTheSameResponse(t *testing.T) {
	name := uniqueName("known")
	register(t, name)
	awaitMail(t, name, 1)
	pauseMailer(t)
	for _, path := range []string{"/api/auth/send-verification", "/api/auth/forgot-password"} {
		var responses [2]string
		var remaining [2]int
		for i, name := range []string{name, uniqueName("unknown")} {
			shared.Tap.Reset()
			got := post(t, path, emailBody(name))
			remaining[i] = seconds(t, got.Header.Get("RateLimit-Remaining"))
			// The two limits depend on the address of the test and on the time.
			for _, header := range []string{"Date", "Apigw-Requestid", "RateLimit-Remaining", "RateLimit-Reset"} {
				got.Header.Del(header)
			}
			responses[i] = fmt.Sprint(got, got.Header)
			if calls := spent(); calls != "UpdateItem PutItem r0 w2" {
				t.Errorf("%s of %s: got the calls %q, want %q", path, name, calls, "PutItem r0 w1")
			}
		}
		if responses[0] != responses[1] {
			t.Errorf("%s: got %s for a known address and %s for an unknown one, want no difference", path, responses[0], responses[1])
		}
		if remaining[1] != remaining[0]-1 && remaining[1] < remaining[0] {
			t.Errorf("%s: got %d and then %d remaining requests, want one less or a new window", path, remaining[0], remaining[1])
		}
	}
}

func TestRefusedLinks(t *testing.T) {
	name := uniqueName("links")
	register(t, name)
	verification := awaitMail(t, name, 1).token(t)
	refreshToken := login(t, name).Member("refresh_token")
	for _, token := range []string{"x", verification + "A", "%2e%2e", "..%2f", strings.Repeat("A", 5000), refreshToken} {
		got := get(t, "/api/auth/verify-email/"+token)
		if want := "Invalid or expired verification token"; got.Status != http.StatusForbidden || got.Member("detail") != want {
			t.Errorf("verify-email with %.20s: got %v, want 403 %q", token, got, want)
		}
	}
	if got := resetPassword(t, verification, newPassword); got.Status != http.StatusForbidden || got.Member("code") != "invalid_reset_token" {
		t.Errorf("reset-password with a verification token: got %v, want 403 invalid_reset_token", got)
	}
	for _, body := range []string{`{}`, `{"token":"x"}`, `{"new_password":"NewSecurePass456!"}`, `{"email":"x"}`} {
		for _, path := range []string{"/api/auth/reset-password", "/api/auth/send-verification", "/api/auth/forgot-password"} {
			if got := post(t, path, body); got.Status != http.StatusBadRequest {
				t.Errorf("%s with %s: got %v, want 400", path, body, got)
			}
		}
	}
}

// TestLinksAreBuiltFromConfigurationOnly checks that the headers of a request do not influence the links in mails.
func TestLinksAreBuiltFromConfigurationOnly(t *testing.T) {
	name := uniqueName("host")
	got := post(t, "/api/auth/register", registration(name), "X-Forwarded-Host: evil.example", "X-Forwarded-Proto: https",
		"Forwarded: host=evil.example;proto=https", "X-Original-Host: evil.example")
	if got.Status != http.StatusCreated {
		t.Fatalf("register: got %v, want 201", got)
	}
	mail, want := awaitMail(t, name, 1), shared.URL+"/account/verify-email/"
	if strings.Contains(mail.Body.Text+mail.Body.HTML, "evil.example") || !strings.Contains(mail.Body.Text, want) {
		t.Errorf("got the mail %+v, want a link to %s", mail, want)
	}
}

// TestFaultsOnTheMailersPath checks that one mail is sent although a store call of the mailer fails once.
func TestFaultsOnTheMailersPath(t *testing.T) {
	defer shared.Tap.Reset()
	for i, operation := range []string{"GetItem", "TransactWriteItems", "UpdateItem"} {
		for faultName, fault := range wiretap.FaultsOf(operation) {
			name := uniqueName("mailer")
			token := register(t, name)
			awaitMail(t, name, 1)
			shared.Tap.Inject(operation, i%2, 1, fault)
			post(t, "/api/auth/forgot-password", emailBody(name))
			awaitMail(t, name, 2)
			shared.Tap.Reset()
			if mails := inbox(t, shared.MailURL, name); len(mails) != 2 {
				t.Errorf("%s of %s: got %d mails, want 2", faultName, operation, len(mails))
			}
			if got := me(t, bearer(token)); got.Status != http.StatusOK {
				t.Errorf("me after %s of %s: got %v, want 200", faultName, operation, got)
			}
		}
	}
}
