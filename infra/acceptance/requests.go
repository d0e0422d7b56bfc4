package acceptance

import (
	"encoding/json"
	"net/http"
	"strconv"
	"testing"
	"time"

	"latchkey/infra/testkit/httpclient"
)

const (
	requestTimeout = time.Minute     // a function in a container takes seconds to start
	maxRetryAfter  = 2 * time.Minute // the longest pause that a rate limit may request
)

// get sends a request without a body.
func (u *user) get(t *testing.T, path string, headers ...string) httpclient.Response {
	t.Helper()
	return u.send(t, http.MethodGet, path, "", headers...)
}

// post sends members as a JSON object.
func (u *user) post(t *testing.T, path string, members map[string]string, headers ...string) httpclient.Response {
	t.Helper()
	body, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return u.send(t, http.MethodPost, path, string(body), append(headers, httpclient.JSON)...)
}

// send sends a request. If a rate limit refuses it, send waits and repeats it.
func (u *user) send(t *testing.T, method, path, body string, headers ...string) httpclient.Response {
	t.Helper()
	for {
		got := u.client.Send(t, method, u.URL+path, body, headers...)
		seconds, err := strconv.Atoi(got.Header.Get("Retry-After"))
		pause := time.Duration(seconds) * time.Second
		if got.Status != http.StatusTooManyRequests || err != nil || pause > maxRetryAfter {
			return got
		}
		t.Logf("%s %s: rate limited, waiting %v", method, path, pause)
		time.Sleep(pause)
	}
}
