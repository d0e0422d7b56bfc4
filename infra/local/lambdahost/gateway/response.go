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

// response is the response of a function, as the service interprets it.
type response struct {
	Status          int               `json:"statusCode"`
	Headers         map[string]string `json:"headers"`
	Cookies         []string          `json:"cookies"`
	Body            string            `json:"body"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`
	content         []byte            // the decoded Body
}

// ownHeaders lists the headers that only the service sets. It ignores those of a function.
var ownHeaders = []string{"Apigw-Requestid", "Connection", "Content-Length", "Date", "Keep-Alive", "Transfer-Encoding", "Upgrade"}

// parseResponse parses the payload that a function returned. JSON without a statusCode becomes a body of type
// application/json with status 200, as format 2.0 specifies. The service has been observed to accept even a payload that is
// not JSON. Here that is an error, because our functions never return one on purpose.
func parseResponse(payload []byte) (*response, error) {
	if !json.Valid(payload) {
		return nil, errors.New("the payload is not JSON")
	}
	var fields map[string]json.RawMessage
	// A value other than an object fails to decode and has no statusCode.
	if err := json.Unmarshal(payload, &fields); err != nil || fields["statusCode"] == nil {
		return inferResponse(payload), nil
	}
	var r response
	if err := json.Unmarshal(payload, &r); err != nil {
		return nil, err
	}
	if r.Status < 200 || r.Status > 599 {
		return nil, fmt.Errorf("the status %d is not between 200 and 599", r.Status)
	}
	for name, value := range r.Headers {
		if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
			return nil, fmt.Errorf("header %q is not well-formed", name)
		}
	}
	r.content = []byte(r.Body)
	if r.IsBase64Encoded {
		content, err := base64.StdEncoding.DecodeString(r.Body)
		if err != nil {
			return nil, fmt.Errorf("decoding the body: %w", err)
		}
		r.content = content
	}
	return &r, nil
}

// inferResponse returns the response whose body is the whole payload. A JSON string becomes a body without the quotes.
func inferResponse(payload []byte) *response {
	content := bytes.TrimSpace(payload)
	var text string
	if content[0] == '"' && json.Unmarshal(content, &text) == nil {
		content = []byte(text)
	}
	return &response{Status: http.StatusOK, Headers: map[string]string{"Content-Type": "application/json"}, content: content}
}

// write sends the response. The function's CORS headers apply only if the API has no CORS configuration.
func (r *response) write(w http.ResponseWriter, cors *template.CORS, origin string) {
	header := w.Header()
	header.Set("Content-Type", "text/plain; charset=utf-8")
	for name, value := range r.Headers {
		if !slices.Contains(ownHeaders, http.CanonicalHeaderKey(name)) {
			header.Set(name, value)
		}
	}
	for _, cookie := range r.Cookies {
		header.Add("Set-Cookie", cookie)
	}
	if cors != nil {
		setCORS(header, cors, origin)
	}
	noBody := r.Status == http.StatusNoContent || r.Status == http.StatusNotModified
	if !noBody {
		header.Set("Content-Length", strconv.Itoa(len(r.content)))
	}
	w.WriteHeader(r.Status)
	if !noBody {
		_, _ = w.Write(r.content) // fails only if the client has disconnected
	}
}
