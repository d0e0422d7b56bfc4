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

// letter is a mail in the local inbox.
type letter struct{ mailbox.Mail }

// inbox returns all mails to address, oldest first.
func inbox(t *testing.T, mailURL, address string) []mailbox.Mail {
	t.Helper()
	found, err := mailbox.Read(t.Context(), mailURL, address)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// mailPatience is how long a mail may take from the request to the inbox.
const mailPatience = 10 * time.Second

// awaitMail returns the nth mail to address.
func awaitMail(t *testing.T, mailURL, address string, nth int) letter {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), mailPatience)
	defer cancel()
	mail, err := mailbox.Await(ctx, mailURL, address, nth)
	if err != nil {
		t.Fatal(err)
	}
	return letter{mail}
}

// token is the token in the link of a mail, which both of its parts have.
func (l letter) token(t *testing.T) string {
	t.Helper()
	page, token, err := l.Link()
	if err != nil || !strings.HasPrefix(page, "http://localhost:") {
		t.Fatalf("the link leads to %s (%v): %+v", page, err, l)
	}
	return token
}

func asEmail(name string) string { return fmt.Sprintf(`{"email":%q}`, name+"@example.com") }

func reset(t *testing.T, token, password string) response {
	t.Helper()
	return post(t, "/api/auth/reset-password", fmt.Sprintf(`{"token":%q,"new_password":%q}`, token, password))
}

func TestRegistrationMail(t *testing.T) {
	begun := time.Now()
	token := register(t, "mailed")
	mail := awaitMail(t, shared.MailURL, "mailed@example.com", 1)
	t.Logf("the mail came after %v", time.Since(begun))
	link := "/api/auth/verify-email/" + mail.token(t)
	if me(t, bearer(token)).Member("email_verified") != "false" {
		t.Error("the address is verified before the link is used")
	}
	first, second := send(t, shared.URL, "GET", link, ""), send(t, shared.URL, "GET", link, "")
	if first.Status != http.StatusOK || first.Body != `{"message":"Email verified successfully"}` {
		t.Errorf("verifying: %v", first)
	}
	if second.Status != http.StatusOK || second.Body != `{"message":"Email already verified"}` {
		t.Errorf("verifying again: %v", second)
	}
	checkHeaders(t, first)
	if me(t, bearer(token)).Member("email_verified") != "true" {
		t.Error("the address is not verified")
	}
	if mails := inbox(t, shared.MailURL, "mailed@example.com"); len(mails) != 1 {
		t.Errorf("%d mails came", len(mails))
	}
}

func TestForgottenPassword(t *testing.T) {
	register(t, "forgetful")
	awaitMail(t, shared.MailURL, "forgetful@example.com", 1)
	before, cookie := login(t, "forgetful"), cookieLogin(t, "forgetful")
	asked := post(t, "/api/auth/forgot-password", asEmail("forgetful"))
	if asked.Status != http.StatusCreated || asked.Body != `{"message":"If an account exists with this email, you will receive a password reset link"}` {
		t.Fatalf("asking: %v", asked)
	}
	token := awaitMail(t, shared.MailURL, "forgetful@example.com", 2).token(t)
	if got := reset(t, token, "short"); got.Status != http.StatusBadRequest || !strings.Contains(got.Body, `"key":"new_password"`) {
		t.Errorf("a short password: %v", got)
	}
	if got := reset(t, token, "NewSecurePass456!"); got.Status != http.StatusOK || got.Body != `{"message":"Password reset successfully"}` {
		t.Fatalf("resetting: %v", got)
	}
	if got := reset(t, token, "NewSecurePass789!"); got.Status != http.StatusForbidden || got.Member("detail") != "Invalid or expired reset token" {
		t.Errorf("the token again: %v", got)
	}
	if access, refreshes := alive(t, before); access || refreshes || me(t, cookie).Status != http.StatusUnauthorized {
		t.Error("a session survived the reset")
	}
	if got := post(t, "/api/auth/login", credentials("forgetful")); got.Status != http.StatusForbidden {
		t.Errorf("the old password: %d", got.Status)
	}
	if got := post(t, "/api/auth/login", `{"username":"forgetful","password":"NewSecurePass456!"}`); got.Status != http.StatusOK {
		t.Errorf("the new password: %v", got)
	}
	if notice := awaitMail(t, shared.MailURL, "forgetful@example.com", 3); strings.Contains(notice.Body.Text, "/account/") {
		t.Errorf("the notice has a link: %s", notice.Body.Text)
	}
}

// TestKnownAndUnknownAddressesAreToldTheSame: status, body, headers and store calls.
func TestKnownAndUnknownAddressesAreToldTheSame(t *testing.T) {
	register(t, "known")
	awaitMail(t, shared.MailURL, "known@example.com", 1)
	quiet(t)
	for _, path := range []string{"/api/auth/send-verification", "/api/auth/forgot-password"} {
		var told [2]string
		var left [2]int
		for i, name := range []string{"known", "unknown"} {
			shared.tap.Reset()
			got := post(t, path, asEmail(name))
			for _, header := range []string{"Date", "Apigw-Requestid"} {
				got.Header.Del(header)
			}
			left[i] = seconds(t, got.Header.Get("RateLimit-Remaining"))
			got.Header.Del("RateLimit-Remaining")
			got.Header.Del("RateLimit-Reset") // it is of the test's own address
			told[i] = fmt.Sprint(got.Status, got.Body, got.Header)
			if calls := spent(shared); calls != "PutItem r0 w1" {
				t.Errorf("%s of %s: the calls are %s", path, name, calls)
			}
		}
		if told[0] != told[1] {
			t.Errorf("%s tells %s\nand %s", path, told[0], told[1])
		}
		if left[1] != left[0]-1 && left[1] < left[0] {
			t.Errorf("%s leaves %d requests, then %d", path, left[0], left[1])
		}
	}
}

func TestRefusedLinks(t *testing.T) {
	register(t, "linker")
	verification := awaitMail(t, shared.MailURL, "linker@example.com", 1).token(t)
	for _, token := range []string{"x", verification + "A", "%2e%2e", "..%2f", strings.Repeat("A", 5000), login(t, "linker").Member("refresh_token")} {
		got := send(t, shared.URL, "GET", "/api/auth/verify-email/"+token, "")
		if got.Status != http.StatusForbidden || got.Member("detail") != "Invalid or expired verification token" {
			t.Errorf("%.20s: %v", token, got)
		}
	}
	if got := reset(t, verification, "NewSecurePass456!"); got.Status != http.StatusForbidden || got.Member("code") != "invalid_reset_token" {
		t.Errorf("a verification token at reset: %v", got)
	}
	for _, body := range []string{`{}`, `{"token":"x"}`, `{"new_password":"NewSecurePass456!"}`, `{"email":"x"}`} {
		for _, path := range []string{"/api/auth/reset-password", "/api/auth/send-verification", "/api/auth/forgot-password"} {
			if got := post(t, path, body); got.Status != http.StatusBadRequest {
				t.Errorf("%s with %s: %v", path, body, got)
			}
		}
	}
}

// TestLinksAreBuiltFromConfigurationOnly, whatever a request says about its host.
func TestLinksAreBuiltFromConfigurationOnly(t *testing.T) {
	forged := []string{
		"X-Forwarded-Host: evil.example", "X-Forwarded-Proto: https", "Forwarded: host=evil.example;proto=https", "X-Original-Host: evil.example",
	}
	if got := post(t, "/api/auth/register", registration("hosted"), forged...); got.Status != http.StatusCreated {
		t.Fatalf("registering: %v", got)
	}
	mail := awaitMail(t, shared.MailURL, "hosted@example.com", 1)
	if strings.Contains(mail.Body.Text+mail.Body.HTML, "evil.example") || !strings.Contains(mail.Body.Text, shared.URL+"/account/verify-email/") {
		t.Errorf("the mail is %+v", mail)
	}
}

// TestManyResetsOverHTTP: of 32 at once with one token and different passwords one wins, and only its password logs in.
func TestManyResetsOverHTTP(t *testing.T) {
	raced := idOf(t, register(t, "raced"))
	awaitMail(t, shared.MailURL, "raced@example.com", 1)
	post(t, "/api/auth/forgot-password", asEmail("raced"))
	token := awaitMail(t, shared.MailURL, "raced@example.com", 2).token(t)
	password := func(i int) string { return fmt.Sprintf("A good password %d", i) }
	statuses := atOnce(t, callers, func(i int) (response, error) {
		body := fmt.Sprintf(`{"token":%q,"new_password":%q}`, token, password(i))
		return try(t.Context(), shared.URL, "POST", "/api/auth/reset-password", body, "Content-Type: application/json")
	})
	if statuses[http.StatusOK] != 1 || statuses[http.StatusForbidden] != callers-1 {
		t.Errorf("the statuses are %v", statuses)
	}
	logins := 0
	for i := range callers {
		body := fmt.Sprintf(`{"username":"raced","password":%q}`, password(i))
		if post(t, "/api/auth/login", body, deviceOf(t, raced, 1)).Status == http.StatusOK {
			logins++
		}
	}
	if logins != 1 {
		t.Errorf("%d of the passwords log in", logins)
	}
}

// TestFaultsOnTheMailersPath: whatever store call of the mailer fails once, one mail comes.
func TestFaultsOnTheMailersPath(t *testing.T) {
	defer shared.tap.Reset()
	for i, operation := range []string{"GetItem", "TransactWriteItems", "UpdateItem"} {
		for faultName, fault := range wiretap.FaultsOf(operation) {
			name := fresh()
			token := register(t, name)
			awaitMail(t, shared.MailURL, name+"@example.com", 1)
			shared.tap.Inject(operation, i%2, 1, fault)
			post(t, "/api/auth/forgot-password", asEmail(name))
			awaitMail(t, shared.MailURL, name+"@example.com", 2)
			shared.tap.Reset()
			if mails := inbox(t, shared.MailURL, name+"@example.com"); len(mails) != 2 || me(t, bearer(token)).Status != http.StatusOK {
				t.Errorf("%s of %s: %d mails", faultName, operation, len(mails))
			}
		}
	}
}
