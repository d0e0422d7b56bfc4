package httpclient

import (
	"net/http"
	"net/url"
	"testing"
)

// maxRedirects limits the pages of one sign-in at a provider.
const maxRedirects = 10

// Authorize signs in at an OAuth provider, starting at its authorization address. It follows the redirects, submits form to
// each page on the way, and returns the address with the path callback that the provider finally redirects to. It does not
// request that address.
func (c Client) Authorize(t testing.TB, address, callback string, form url.Values) *url.URL {
	t.Helper()
	current, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	for range maxRedirects {
		got := c.Send(t, http.MethodGet, current.String(), "")
		if got.Status == http.StatusOK {
			got = c.Send(t, http.MethodPost, current.String(), form.Encode(), Form)
		}
		next, err := current.Parse(got.Header.Get("Location"))
		if err != nil || got.Status < 300 || got.Status > 399 {
			t.Fatalf("%s: got %v, want a redirect", current, got)
		}
		if next.Path == callback {
			return next
		}
		current = next
	}
	t.Fatalf("%s: got %d redirects without %s among them", address, maxRedirects, callback)
	return nil
}
