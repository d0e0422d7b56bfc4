// Package httpclient is the HTTP client of the tests. It sends exactly the headers that it is given, follows no redirect,
// and returns the whole response as text, so that a failed test can print it.
package httpclient

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Headers that declare the type of a request body.
const (
	JSON = "Content-Type: application/json"
	Form = "Content-Type: application/x-www-form-urlencoded"
)

// Bearer returns the header that authenticates a request with an access token.
func Bearer(token string) string { return "Authorization: Bearer " + token }

// Client sends requests. The zero value uses [http.DefaultTransport], stores no cookies and sets no time limit.
type Client struct {
	Transport http.RoundTripper
	Jar       http.CookieJar
	Timeout   time.Duration // for one request, including its response
}

// Response is a response whose body has been read.
type Response struct {
	Status int
	Header http.Header
	Body   string
}

// String returns the status and the body.
func (r Response) String() string { return fmt.Sprintf("%d %s", r.Status, r.Body) }

// Member returns a member of a JSON object as text. It returns "" if the body is not an object, or if the member is absent
// or null.
func (r Response) Member(name string) string {
	var members map[string]any
	if err := json.Unmarshal([]byte(r.Body), &members); err != nil || members[name] == nil {
		return ""
	}
	return fmt.Sprint(members[name])
}

// Cookie returns the first cookie that the response sets, in the form of a request header.
func (r Response) Cookie() string {
	pair, _, _ := strings.Cut(r.Header.Get("Set-Cookie"), ";")
	return "Cookie: " + pair
}

// Do sends a request. Each header has the form "Name: value".
func (c Client) Do(ctx context.Context, method, url, body string, headers ...string) (Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return Response{}, err
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		req.Header.Add(name, value)
	}
	client := http.Client{
		Transport: c.Transport, Jar: c.Jar, Timeout: c.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		return Response{}, err
	}
	defer func() { _ = resp.Body.Close() }() // it has been read to its end
	text, err := io.ReadAll(resp.Body)
	return Response{Status: resp.StatusCode, Header: resp.Header, Body: string(text)}, err
}

// Send is Do for the goroutine of a test. It ends the test if there is no response.
func (c Client) Send(t testing.TB, method, url, body string, headers ...string) Response {
	t.Helper()
	got, err := c.Do(t.Context(), method, url, body, headers...)
	if err != nil {
		t.Fatal(err)
	}
	return got
}
