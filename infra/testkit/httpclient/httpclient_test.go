package httpclient_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"latchkey/infra/testkit/httpclient"
)

// serve starts a server that ends with the test.
func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func TestSendReturnsTheFirstResponse(t *testing.T) {
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Set-Cookie", "a=b; Path=/")
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(http.StatusFound)
		fmt.Fprintf(w, `{"method":%q,"body":%q,"headers":%q,"none":null}`, r.Method, body, r.Header["X-A"])
	})
	got := httpclient.Client{}.Send(t, "PUT", base, "text", "X-A: 1", "X-A: 2: 3")
	if want := `302 {"method":"PUT","body":"text","headers":["1" "2: 3"],"none":null}`; got.String() != want {
		t.Errorf("got %v, want %s", got, want)
	}
	if cookie := got.Cookie(); cookie != "Cookie: a=b" {
		t.Errorf("Cookie: got %q, want %q", cookie, "Cookie: a=b")
	}
}

func TestMember(t *testing.T) {
	for body, want := range map[string]string{
		`{"a":"text"}`: "text", `{"a":604800}`: "604800", `{"a":true}`: "true", `{"a":null}`: "", `{"b":1}`: "", `[1]`: "", "": "",
	} {
		if got := (httpclient.Response{Body: body}).Member("a"); got != want {
			t.Errorf("member a of %s: got %q, want %q", body, got, want)
		}
	}
}

func TestAuthorizeSubmitsTheFormAndStopsAtTheCallback(t *testing.T) {
	var visited []string
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		visited = append(visited, r.Method+" "+r.URL.Path+" "+r.FormValue("email"))
		target := map[string]string{"GET /auth": "/login", "POST /login": "/consent", "GET /consent": "/callback?code=1"}[r.Method+" "+r.URL.Path]
		if target != "" {
			http.Redirect(w, r, target, http.StatusFound)
		}
	})
	got := httpclient.Client{}.Authorize(t, base+"/auth", "/callback", url.Values{"email": {"ada"}})
	if want := base + "/callback?code=1"; got.String() != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if want := "[GET /auth  GET /login  POST /login ada GET /consent ]"; fmt.Sprint(visited) != want {
		t.Errorf("got requests %v, want %s", visited, want)
	}
}
