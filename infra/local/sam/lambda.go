package sam

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"

	"latchkey/infra/local/child"
)

// lambda is a running `sam local start-lambda`, which serves Lambda's Invoke API.
type lambda struct {
	url string
	sam *child.Process
}

// process returns the process of SAM, or nil if l is nil.
func (l *lambda) process() *child.Process {
	if l == nil {
		return nil
	}
	return l.sam
}

// invoke invokes a function and returns its payload. Like Lambda, SAM responds with 200 even if the function fails and reports the
// failure in a header ("Invoke" in the Lambda API reference).
func (l *lambda) invoke(ctx context.Context, function string, payload []byte) ([]byte, error) {
	url := l.url + "/2015-03-31/functions/" + function + "/invocations"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(payload))
	if err != nil {
		return nil, fmt.Errorf("invoking %s: %w", function, err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("invoking %s: %w", function, err)
	}
	defer func() { _ = response.Body.Close() }() // Close cannot lose data of a body that is only read
	result, err := io.ReadAll(response.Body)
	switch functionError := response.Header.Get("X-Amz-Function-Error"); {
	case err != nil:
		return nil, fmt.Errorf("invoking %s: %w", function, err)
	case response.StatusCode != http.StatusOK || functionError != "":
		return nil, fmt.Errorf("invoking %s: %s %s: %.300s", function, response.Status, functionError, result)
	}
	return result, nil
}
