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

// prompt is what the OAuth sample asks for.
const prompt = "Paste the address of that page here: "

// person signs in at the local provider with a browser that has not begun the sign-in, and so lacks its cookie.
type person struct {
	browser  *http.Client
	callback string // where the provider sends the browser back to
	signIn   *regexp.Regexp
}

func newPerson(t *testing.T, product *stack.Stack) *person {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	callback := product.URL + "/api/auth/oauth/google/callback?"
	return &person{
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

// asked answers a prompt at the end of what has been printed: the person signs in at the address above it, comes to the callback,
// is refused there, and copies its address.
func (p *person) asked(t *testing.T, printed string) (answer string, asked bool) {
	t.Helper()
	if !strings.HasSuffix(printed, prompt) {
		return "", false
	}
	address := p.signIn.FindString(printed)
	if address == "" {
		t.Fatalf("there is no address to open in:\n%s", printed)
	}
	page := p.visit(t, http.MethodGet, address, nil)
	form := url.Values{"email": {"grace@example.com"}, "verified": {"on"}}
	back := p.visit(t, http.MethodPost, page.Request.URL.String(), form).Header.Get("Location")
	if !strings.HasPrefix(back, p.callback) {
		t.Fatalf("the provider sends the browser to %q", back)
	}
	if refused := p.visit(t, http.MethodGet, back, nil); refused.StatusCode != http.StatusForbidden {
		t.Errorf("the browser without the cookie gets %s", refused.Status)
	}
	return back, true
}

// visit follows redirects up to the callback and returns the last answer, whose body is read.
func (p *person) visit(t *testing.T, method, address string, form url.Values) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := p.browser.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Fatal(err)
	}
	return response
}
