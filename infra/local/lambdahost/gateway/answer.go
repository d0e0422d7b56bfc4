package gateway

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"golang.org/x/net/http/httpguts"

	"latchkey/infra/local/template"
)

// answer is what a function returned, as the service understands it.
type answer struct {
	Status          int               `json:"statusCode"`
	Headers         map[string]string `json:"headers"`
	Cookies         []string          `json:"cookies"`
	Body            string            `json:"body"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`
	content         []byte            // Body, decoded
}

// ownHeaders are the service's to set, whatever a function says.
var ownHeaders = []string{"Apigw-Requestid", "Connection", "Content-Length", "Date", "Keep-Alive", "Transfer-Encoding", "Upgrade"}

// parseAnswer reads a function's answer. JSON without a statusCode is a body of type application/json with status 200
// (format 2.0's inference). The service was seen to pass on even what is no JSON; here that is an error, since no
// function of ours means it.
func parseAnswer(payload []byte) (*answer, error) {
	if !json.Valid(payload) {
		return nil, errors.New("it is not JSON")
	}
	var fields map[string]json.RawMessage
	// Anything but an object fails to decode and has no statusCode.
	if err := json.Unmarshal(payload, &fields); err != nil || fields["statusCode"] == nil {
		return inferred(payload), nil
	}
	var parsed answer
	if err := json.Unmarshal(payload, &parsed); err != nil {
		return nil, err
	}
	if parsed.Status < 200 || parsed.Status > 599 {
		return nil, fmt.Errorf("there is no status %d", parsed.Status)
	}
	for name, value := range parsed.Headers {
		if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
			return nil, fmt.Errorf("header %q is not well-formed", name)
		}
	}
	parsed.content = []byte(parsed.Body)
	if parsed.IsBase64Encoded {
		content, err := base64.StdEncoding.DecodeString(parsed.Body)
		if err != nil {
			return nil, fmt.Errorf("decoding the body: %w", err)
		}
		parsed.content = content
	}
	return &parsed, nil
}

// inferred is the answer when the whole payload is the body. A JSON string is a body without its quotes.
func inferred(payload []byte) *answer {
	content := bytes.TrimSpace(payload)
	var text string
	if content[0] == '"' && json.Unmarshal(content, &text) == nil {
		content = []byte(text)
	}
	return &answer{Status: http.StatusOK, Headers: map[string]string{"Content-Type": "application/json"}, content: content}
}

// write sends the answer. The function's CORS headers count only when the API has no CORS configuration.
func (a *answer) write(w http.ResponseWriter, cors *template.CORS, origin string) {
	header := w.Header()
	header.Set("Content-Type", "text/plain; charset=utf-8")
	for name, value := range a.Headers {
		if !slices.Contains(ownHeaders, http.CanonicalHeaderKey(name)) {
			header.Set(name, value)
		}
	}
	for _, cookie := range a.Cookies {
		header.Add("Set-Cookie", cookie)
	}
	if cors != nil {
		allow(header, cors, origin)
	}
	bodyless := a.Status == http.StatusNoContent || a.Status == http.StatusNotModified
	if !bodyless {
		header.Set("Content-Length", strconv.Itoa(len(a.content)))
	}
	w.WriteHeader(a.Status)
	if !bodyless {
		_, _ = w.Write(a.content) // a client that has gone away is no error of ours
	}
}
