package acceptance

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/infra/local/mailbox"
	"latchkey/infra/testkit/httpclient"
)

// mailTimeout limits the time from a request to its mail in the inbox. It includes the start of the mailer.
const mailTimeout = 30 * time.Second

const (
	resetMessage        = "If an account exists with this email, you will receive a password reset link"
	verificationMessage = "If this email needs verification, a verification link has been sent"
)

// requestMail requests both kinds of mail for a known and an unknown address. The responses must not differ.
func (u *user) requestMail(t *testing.T) {
	for _, email := range []string{u.email, "unknown-" + u.email} {
		got := u.post(t, "/api/auth/send-verification", map[string]string{"email": email})
		checkMessage(t, got, http.StatusCreated, verificationMessage)
		got = u.post(t, "/api/auth/forgot-password", map[string]string{"email": email})
		checkMessage(t, got, http.StatusCreated, resetMessage)
	}
}

// linkToken waits for a mail with a link to the page and returns the token in the link.
func (u *user) linkToken(t *testing.T, page string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), mailTimeout)
	defer cancel()
	for nth := 1; ; nth++ {
		mail, err := mailbox.Await(ctx, u.MailURL, u.email, nth)
		if err != nil {
			t.Fatal(err)
		}
		address, token, err := mail.Link()
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(address, "/"+page) {
			return token
		}
	}
}

// verifyAddress opens the page of the link, as mail scanners do, then verifies as the guide does, and finally presses the
// button of the page.
func (u *user) verifyAddress(t *testing.T) {
	token := u.linkToken(t, "verify-email")
	page := "/account/verify-email/" + token
	u.checkPage(t, page)
	u.access = u.login(t, "/api/auth/login", u.username, u.password).Member("access_token")
	u.checkVerified(t, "false")
	checkMessage(t, u.get(t, "/api/auth/verify-email/"+token), http.StatusOK, "Email verified successfully")
	checkMessage(t, u.get(t, "/api/auth/verify-email/"+token), http.StatusOK, "Email already verified")
	u.checkVerified(t, "true")
	form := url.Values{"action": {"verify"}}.Encode()
	const want = "already confirmed"
	if got := u.send(t, http.MethodPost, page, form, httpclient.Form); got.Status != http.StatusOK || !strings.Contains(got.Body, want) {
		t.Errorf("POST %s: got %v, want 200 and %q", page, got, want)
	}
}

// checkSpentForm checks that the form of a used reset link sets no password.
func (u *user) checkSpentForm(t *testing.T, path string) {
	t.Helper()
	form := url.Values{"new_password": {"AnotherPass789!"}}.Encode()
	if got := u.send(t, http.MethodPost, path, form, httpclient.Form); got.Status != http.StatusForbidden {
		t.Errorf("POST %s with a used link: got %v, want 403", path, got)
	}
}

// checkPage checks that the page behind a mailed link names the user.
func (u *user) checkPage(t *testing.T, path string) {
	t.Helper()
	if got := u.get(t, path); got.Status != http.StatusOK || !strings.Contains(got.Body, u.username) {
		t.Errorf("GET %s: got %v, want 200 and a page that contains %s", path, got, u.username)
	}
}

func (u *user) checkVerified(t *testing.T, want string) {
	t.Helper()
	if me := u.get(t, "/api/auth/me", httpclient.Bearer(u.access)); me.Member("email_verified") != want {
		t.Errorf("me: got %v, want email_verified %s", me, want)
	}
}

// resetPassword sets a new password. It checks that this ends all sessions and that only the new password is accepted.
func (u *user) resetPassword(t *testing.T) {
	token := u.linkToken(t, "reset-password")
	u.checkPage(t, "/account/reset-password/"+token)
	oldPassword := u.password
	u.password = "NewSecurePass456!"
	body := map[string]string{"token": token, "new_password": u.password}
	checkMessage(t, u.post(t, "/api/auth/reset-password", body), http.StatusOK, "Password reset successfully")
	checkRefusal(t, u.post(t, "/api/auth/reset-password", body), http.StatusForbidden, "Invalid or expired reset token")
	u.checkSpentForm(t, "/account/reset-password/"+token)
	checkRefusal(t, u.get(t, "/api/auth/me", httpclient.Bearer(u.access)), http.StatusUnauthorized, "Authentication required")
	checkRefusal(t, u.login(t, "/api/auth/login", u.username, oldPassword), http.StatusForbidden, "Invalid credentials")
	checkTokens(t, u.login(t, "/api/auth/login", u.username, u.password), http.StatusOK)
}
