package e2e_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"latchkey/infra/local/tables"
)

// secrets records every token, cookie and password that the tests send or receive. After all tests, the shared tables are
// searched for them, because a copy of the tables must not contain a usable credential.
var secrets = &recorder{values: map[string]string{}}

type recorder struct {
	mu     sync.Mutex
	values map[string]string // the kind of each secret, by its value
}

const (
	cookieSecret = 32 // bytes at the end of a session cookie that are secret
	minSecret    = 12 // bytes; shorter values are not searched for because they can occur by chance
)

// RoundTrip implements [http.RoundTripper]. It records the secrets of the request and of its response.
func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	observed.note(req)
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer func(body io.Closer) { _ = body.Close() }(resp.Body)
	text, err := io.ReadAll(resp.Body)
	resp.Body = io.NopCloser(bytes.NewReader(text))
	r.record(resp.Header, string(body), string(text))
	return resp, err
}

// record adds the secrets in the headers of a response and in the bodies of the request and the response.
func (r *recorder) record(header http.Header, bodies ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, body := range bodies {
		var members map[string]any
		if json.Unmarshal([]byte(body), &members) != nil {
			continue
		}
		for _, name := range []string{"password", "new_password", "token", "access_token", "refresh_token"} {
			if value, ok := members[name].(string); ok && len(value) >= minSecret {
				r.values[value] = name
			}
		}
	}
	if location, err := url.Parse(header.Get("Location")); err == nil && location.Query().Get("state") != "" {
		r.values[location.Query().Get("state")] = "state of a flow"
	}
	for _, cookie := range header["Set-Cookie"] {
		pair, _, _ := strings.Cut(cookie, ";")
		if name, value, _ := strings.Cut(pair, "="); len(value) >= minSecret {
			r.values[value] = "cookie " + name
			r.values[value[len(value)/2:]] = "second half of cookie " + name
			if raw, err := base64.RawURLEncoding.DecodeString(value); err == nil && len(raw) >= cookieSecret {
				r.values[string(raw[len(raw)-cookieSecret:])] = "secret of cookie " + name
			}
		}
	}
}

// foundIn returns the kinds of secrets that the tables at endpoint contain. If the search itself fails, it returns the reason.
func (r *recorder) foundIn(endpoint string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	stored, err := dump(endpoint)
	if err != nil {
		return []string{"reading the tables failed: " + err.Error()}
	}
	if len(stored) == 0 && !allTests() {
		return nil // the selected tests did not use the shared stack
	}
	if len(r.values) == 0 || len(stored) == 0 {
		return []string{fmt.Sprintf("the search has no input: got %d secrets and %d bytes of items", len(r.values), len(stored))}
	}
	found := map[string]bool{}
	for value, kind := range r.values {
		if strings.Contains(stored, value) {
			found[kind] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// dump returns all texts and byte strings of both tables.
func dump(endpoint string) (string, error) {
	var all strings.Builder
	for _, table := range []string{"Users", "Sessions"} {
		pages := dynamodb.NewScanPaginator(tables.Client(endpoint), &dynamodb.ScanInput{TableName: &table})
		for pages.HasMorePages() {
			page, err := pages.NextPage(context.Background())
			if err != nil {
				return "", err
			}
			for _, item := range page.Items {
				for _, value := range item {
					switch value := value.(type) {
					case *types.AttributeValueMemberS:
						fmt.Fprintln(&all, value.Value)
					case *types.AttributeValueMemberB:
						fmt.Fprintln(&all, string(value.Value))
					}
				}
			}
		}
	}
	return all.String(), nil
}
