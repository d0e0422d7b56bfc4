package acceptance

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	requestTimeout = time.Minute     // a function in a container that has to be made takes seconds
	maxPause       = 2 * time.Minute // that a limit may ask for
)

// client is an HTTP client that keeps cookies, follows no redirect, and waits where it is told to (429).
type client struct {
	base string
	http *http.Client
}

func newClient(d Deployment) client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		panic("acceptance: a jar without options: " + err.Error())
	}
	return client{base: d.URL, http: &http.Client{
		Transport: d.Transport, Jar: jar, Timeout: requestTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// member reads a member of a JSON answer as text; an absent one is empty.
func (a answer) member(name string) string {
	var members map[string]any
	if err := json.Unmarshal([]byte(a.body), &members); err != nil || members[name] == nil {
		return ""
	}
	return fmt.Sprint(members[name])
}

// get sends a request without a body; headers are "Name: value".
func (c client) get(t *testing.T, path string, headers ...string) answer {
	t.Helper()
	return c.send(t, http.MethodGet, path, "", headers...)
}

// post sends members as JSON.
func (c client) post(t *testing.T, path string, members map[string]string, headers ...string) answer {
	t.Helper()
	body, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return c.send(t, http.MethodPost, path, string(body), append(headers, "Content-Type: application/json")...)
}

// send repeats a request that a limit has refused, when its time has come.
func (c client) send(t *testing.T, method, path, body string, headers ...string) answer {
	t.Helper()
	for {
		got := c.fetch(t, method, c.base+path, body, headers...)
		seconds, err := strconv.Atoi(got.header.Get("Retry-After"))
		pause := time.Duration(seconds) * time.Second
		if got.status != http.StatusTooManyRequests || err != nil || pause > maxPause {
			return got
		}
		t.Logf("%s %s: a limit asks to wait %v", method, path, pause)
		time.Sleep(pause)
	}
}

// fetch makes one request, of any address.
func (c client) fetch(t *testing.T, method, url, body string, headers ...string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		request.Header.Add(name, value)
	}
	response, err := c.http.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }() // only read
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, string(text)}
}

func bearer(token string) string { return "Authorization: Bearer " + token }
