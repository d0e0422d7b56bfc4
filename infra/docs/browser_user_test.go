package docs_test

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"latchkey/infra/local/stack"
	"latchkey/infra/testkit/httpclient"
)

// prompt is the prompt of the OAuth sample.
const prompt = "Paste the address of that page here: "

// callbackPath is the path that the local provider redirects to.
const callbackPath = "/api/auth/oauth/google/callback"

// browserUser signs in at the local provider with a browser that has not started the sign-in and therefore lacks its cookie.
type browserUser struct {
	browser httpclient.Client
	base    string // of the API
	signIn  *regexp.Regexp
}

func newBrowserUser(t *testing.T, product *stack.Stack) *browserUser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browserUser{
		browser: httpclient.Client{Jar: jar},
		base:    product.URL,
		signIn:  regexp.MustCompile(regexp.QuoteMeta(product.OpenIDURL) + `/auth\?\S+`),
	}
}

// respond responds to a prompt at the end of the output. The user signs in at the address above the prompt, is redirected to the callback
// and refused there, and copies the address of the callback.
func (u *browserUser) respond(t *testing.T, printed string) (callback string, prompted bool) {
	t.Helper()
	if !strings.HasSuffix(printed, prompt) {
		return "", false
	}
	address := u.signIn.FindString(printed)
	if address == "" {
		t.Fatalf("got no sign-in address in the output:\n%s", printed)
	}
	form := url.Values{"email": {"grace@example.com"}, "verified": {"on"}}
	callback = u.browser.Authorize(t, address, callbackPath, form).String()
	if want := u.base + callbackPath + "?"; !strings.HasPrefix(callback, want) {
		t.Fatalf("got a redirect to %q, want the callback %q", callback, want)
	}
	if got := u.browser.Send(t, http.MethodGet, callback, ""); got.Status != http.StatusForbidden {
		t.Errorf("got %v for the callback without the cookie, want 403", got)
	}
	return callback, true
}
