package docs_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"latchkey/infra/local/stack"
)

// prompt is the prompt of the OAuth sample.
const prompt = "Paste the address of that page here: "

// browserUser signs in at the local provider with a browser that has not started the sign-in and therefore lacks its cookie.
type browserUser struct {
	browser  *http.Client
	callback string // the beginning of the address to which the provider redirects
	signIn   *regexp.Regexp
}

func newBrowserUser(t *testing.T, product *stack.Stack) *browserUser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	callback := product.URL + "/api/auth/oauth/google/callback?"
	return &browserUser{
		browser: &http.Client{Jar: jar, CheckRedirect: func(next *http.Request, _ []*http.Request) error {
			if strings.HasPrefix(next.URL.String(), callback) {
				return http.ErrUseLastResponse
			}
			return nil
		}},
		callback: callback,
		signIn:   regexp.MustCompile(regexp.QuoteMeta(product.OpenIDURL) + `/auth\?\S+`),
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
	page := u.visit(t, http.MethodGet, address, nil)
	form := url.Values{"email": {"grace@example.com"}, "verified": {"on"}}
	back := u.visit(t, http.MethodPost, page.Request.URL.String(), form).Header.Get("Location")
	if !strings.HasPrefix(back, u.callback) {
		t.Fatalf("got a redirect to %q, want the callback %q", back, u.callback)
	}
	if refused := u.visit(t, http.MethodGet, back, nil); refused.StatusCode != http.StatusForbidden {
		t.Errorf("got %s for the callback without the cookie, want 403", refused.Status)
	}
	return back, true
}

// visit follows redirects up to the callback and returns the last response, after reading its body.
func (u *browserUser) visit(t *testing.T, method, address string, form url.Values) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := u.browser.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Fatal(err)
	}
	return response
}
