package e2e_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"flag"
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

// secrets are every token, cookie and password that the tests have sent or got. When all tests are done, the tables of the
// shared stack are searched for them: a copy of the tables must open nothing.
var secrets = &witness{seen: map[string]string{}}

type witness struct {
	mu   sync.Mutex
	seen map[string]string // by value: what it is
}

// cookieSecret is how many bytes at the end of a session cookie are its secret.
const cookieSecret = 32

// minSecret is the length from which a value is looked for; shorter ones turn up by chance.
const minSecret = 12

// RoundTrip implements [http.RoundTripper]. It notes the secrets of the request and of its response.
func (w *witness) RoundTrip(req *http.Request) (*http.Response, error) {
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
	w.note(string(body), response{Header: resp.Header, Body: string(text)})
	return resp, err
}

// note takes the secrets of a request body and its answer.
func (w *witness) note(body string, got response) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, document := range []string{body, got.Body} {
		var members map[string]any
		if json.Unmarshal([]byte(document), &members) != nil {
			continue
		}
		for _, name := range []string{"password", "new_password", "token", "access_token", "refresh_token"} {
			if value, ok := members[name].(string); ok && len(value) >= minSecret {
				w.seen[value] = name
			}
		}
	}
	if location, err := url.Parse(got.Header.Get("Location")); err == nil && location.Query().Get("state") != "" {
		w.seen[location.Query().Get("state")] = "state of a flow"
	}
	for _, set := range got.Header["Set-Cookie"] {
		pair, _, _ := strings.Cut(set, ";")
		if name, value, _ := strings.Cut(pair, "="); len(value) >= minSecret {
			w.seen[value] = "cookie " + name
			w.seen[value[len(value)/2:]] = "half of cookie " + name
			if raw, err := base64.RawURLEncoding.DecodeString(value); err == nil && len(raw) >= cookieSecret {
				w.seen[string(raw[len(raw)-cookieSecret:])] = "secret of cookie " + name
			}
		}
	}
}

// foundIn returns what the tables at endpoint hold of the secrets.
func (w *witness) foundIn(endpoint string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	stored, err := dump(endpoint)
	if err != nil {
		return []string{"nobody knows what: " + err.Error()}
	}
	if len(stored) == 0 && flag.Lookup("test.run").Value.String() != "" {
		return nil // the selected tests have not used the shared stack
	}
	if len(w.seen) == 0 || len(stored) == 0 {
		return []string{"nothing to compare: the search itself is broken"}
	}
	found := map[string]bool{}
	for value, kind := range w.seen {
		if strings.Contains(stored, value) {
			found[kind] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// dump is all texts and bytes of both tables.
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
