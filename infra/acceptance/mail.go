package acceptance

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey/infra/local/mailbox"
)

// mailPatience is how long a mail may take from the request to the inbox, a mailer that has to be started first included.
const mailPatience = 30 * time.Second

const (
	resetPromised        = "If an account exists with this email, you will receive a password reset link"
	verificationPromised = "If this email needs verification, a verification link has been sent"
)

// asksForMail is told the same for an address that is known and one that is not.
func (v *visitor) asksForMail(t *testing.T) {
	for _, email := range []string{v.email, "unknown-" + v.email} {
		asked := v.post(t, "/api/auth/send-verification", map[string]string{"email": email})
		checkMessage(t, asked, http.StatusCreated, verificationPromised)
		asked = v.post(t, "/api/auth/forgot-password", map[string]string{"email": email})
		checkMessage(t, asked, http.StatusCreated, resetPromised)
	}
}

// token awaits a mail whose link leads to a page of that name, and returns the token.
func (v *visitor) token(t *testing.T, page string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), mailPatience)
	defer cancel()
	for nth := 1; ; nth++ {
		mail, err := mailbox.Await(ctx, v.MailURL, v.email, nth)
		if err != nil {
			t.Fatal(err)
		}
		leads, token, err := mail.Link()
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(leads, "/"+page) {
			return token
		}
	}
}

// verifies looks at the page of the link, as mail scanners do too, verifies as the guide has it, and presses the page's button late.
func (v *visitor) verifies(t *testing.T) {
	token := v.token(t, "verify-email")
	page := "/account/verify-email/" + token
	if got := v.get(t, page); got.status != http.StatusOK || !strings.Contains(got.body, v.username) {
		t.Errorf("the page is %d %s", got.status, got.body)
	}
	v.access = v.login(t, "/api/auth/login", v.username, v.password).member("access_token")
	v.checkVerified(t, "false")
	checkMessage(t, v.get(t, "/api/auth/verify-email/"+token), http.StatusOK, "Email verified successfully")
	checkMessage(t, v.get(t, "/api/auth/verify-email/"+token), http.StatusOK, "Email already verified")
	v.checkVerified(t, "true")
	button := url.Values{"action": {"verify"}}.Encode()
	pressed := v.send(t, http.MethodPost, page, button, "Content-Type: application/x-www-form-urlencoded")
	if pressed.status != http.StatusOK || !strings.Contains(pressed.body, "confirmed before") {
		t.Errorf("the button answers %d %s", pressed.status, pressed.body)
	}
}

func (v *visitor) checkVerified(t *testing.T, want string) {
	t.Helper()
	if me := v.get(t, "/api/auth/me", bearer(v.access)); me.member("email_verified") != want {
		t.Errorf("the user is %d %s, want email_verified %s", me.status, me.body, want)
	}
}

// resets the password, by which all sessions end, and signs in with the new one.
func (v *visitor) resets(t *testing.T) {
	token := v.token(t, "reset-password")
	if page := v.get(t, "/account/reset-password/"+token); page.status != http.StatusOK || !strings.Contains(page.body, v.username) {
		t.Errorf("the page is %d %s", page.status, page.body)
	}
	before := v.password
	v.password = "NewSecurePass456!"
	chosen := map[string]string{"token": token, "new_password": v.password}
	checkMessage(t, v.post(t, "/api/auth/reset-password", chosen), http.StatusOK, "Password reset successfully")
	checkRefusal(t, v.post(t, "/api/auth/reset-password", chosen), http.StatusForbidden, "Invalid or expired reset token")
	checkRefusal(t, v.get(t, "/api/auth/me", bearer(v.access)), http.StatusUnauthorized, "Authentication required")
	checkRefusal(t, v.login(t, "/api/auth/login", v.username, before), http.StatusForbidden, "Invalid credentials")
	checkTokens(t, v.login(t, "/api/auth/login", v.username, v.password), http.StatusOK)
}
