package sam

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"

	"latchkey/infra/local/child"
)

// lambda is `sam local start-lambda`, which answers Lambda's Invoke API.
type lambda struct {
	url string
	sam *child.Process
}

// process is SAM's; nil if there is none.
func (l *lambda) process() *child.Process {
	if l == nil {
		return nil
	}
	return l.sam
}

// invoke calls a function and waits for its answer. As Lambda does, SAM answers 200 also when the function has failed, and says so
// in a header ("Invoke" in the Lambda API reference).
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
	defer func() { _ = response.Body.Close() }() // only read
	answer, err := io.ReadAll(response.Body)
	switch failed := response.Header.Get("X-Amz-Function-Error"); {
	case err != nil:
		return nil, fmt.Errorf("invoking %s: %w", function, err)
	case response.StatusCode != http.StatusOK || failed != "":
		return nil, fmt.Errorf("invoking %s: %s %s: %.300s", function, response.Status, failed, answer)
	}
	return answer, nil
}
