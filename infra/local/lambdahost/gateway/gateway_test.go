package gateway

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"latchkey/infra/local/template"
)

// echo is an invoker that keeps the event and gives a fixed answer.
type echo struct {
	function string
	event    event
	answer   string
	err      error
	wait     bool // until the context ends
}

func (e *echo) Invoke(ctx context.Context, function string, payload []byte) ([]byte, error) {
	e.function = function
	if err := json.Unmarshal(payload, &e.event); err != nil {
		return nil, err
	}
	if e.wait {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return []byte(e.answer), e.err
}

// serve serves the template's API over HTTP with the invoker as its functions.
func serve(t *testing.T, served *template.Template, invoker *echo) *httptest.Server {
	t.Helper()
	if invoker.answer == "" {
		invoker.answer = `{"statusCode":200}`
	}
	server := httptest.NewServer(New(Options{
		Template: served, Invoker: invoker, Now: time.Now, Random: rand.Reader, Logf: t.Logf, Timeout: 50 * time.Millisecond,
	}))
	t.Cleanup(server.Close)
	return server
}

// send sends a request as it is written, since a client of the standard library would tidy it up.
func send(t *testing.T, server *httptest.Server, lines ...string) *http.Response {
	t.Helper()
	connection, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	head, body, _ := strings.Cut(strings.Join(lines, "\r\n"), "\r\n\r\n")
	if !strings.Contains(head, "\r\nHost: ") {
		head += "\r\nHost: api.test:8000"
	}
	if _, err := io.WriteString(connection, head+"\r\nConnection: close\r\n\r\n"+body); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(connection)
	if err != nil {
		t.Fatal(err)
	}
	method, _, _ := strings.Cut(head, " ")
	response, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(text)), &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	return response
}

func body(t *testing.T, response *http.Response) string {
	t.Helper()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestLimits(t *testing.T) {
	server := serve(t, routing, &echo{})
	tests := map[string]struct {
		request []string
		status  int
	}{
		"headers at the limit":        {head("x", maxHead-len("GET/xHTTP/1.1api.test:8000")-len("close")), http.StatusOK},
		"headers over the limit":      {head("x", maxHead-len("GET/xHTTP/1.1api.test:8000")-len("close")+1), http.StatusRequestHeaderFieldsTooLarge},
		"a request line over it":      {[]string{"GET /" + strings.Repeat("x", maxHead) + " HTTP/1.1"}, http.StatusRequestHeaderFieldsTooLarge},
		"text that Lambda takes":      {post("text/plain", maxPayload-2000), http.StatusOK},
		"over what Lambda takes":      {post("text/plain", maxPayload), http.StatusRequestEntityTooLarge},
		"base64 over what it takes":   {post("image/png", maxPayload/4*3), http.StatusRequestEntityTooLarge},
		"over what the gateway takes": {post("text/plain", maxBody+1), http.StatusRequestEntityTooLarge},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			response := send(t, server, test.request...)
			if response.StatusCode != test.status {
				t.Fatalf("got %s", response.Status)
			}
			if want := `{"message":"` + http.StatusText(test.status) + `"}`; test.status != http.StatusOK && body(t, response) != want {
				t.Errorf("the body is not %s", want)
			}
		})
	}
}

func head(path string, size int) []string {
	return []string{"GET /" + path + " HTTP/1.1", "X-Long: " + strings.Repeat("x", size)}
}

func post(contentType string, size int) []string {
	return []string{
		"POST /x HTTP/1.1", "Content-Type: " + contentType, "Content-Length: " + strconv.Itoa(size), "", strings.Repeat("x", size),
	}
}

func TestFailingFunctions(t *testing.T) {
	tests := map[string]struct {
		invoker echo
		status  int
	}{
		"the function fails":        {echo{err: errors.New("on demand")}, http.StatusInternalServerError},
		"it takes over 30 s":        {echo{wait: true}, http.StatusServiceUnavailable},
		"its answer is none":        {echo{answer: "{oops"}, http.StatusInternalServerError},
		"its status is none":        {echo{answer: `{"statusCode":"abc"}`}, http.StatusInternalServerError},
		"its status is informative": {echo{answer: `{"statusCode":100}`}, http.StatusInternalServerError},
		"its base64 is none":        {echo{answer: `{"statusCode":200,"body":"?","isBase64Encoded":true}`}, http.StatusInternalServerError},
		"its header is none":        {echo{answer: `{"statusCode":200,"headers":{"a":"b\r\nc: d"}}`}, http.StatusInternalServerError},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			response := send(t, serve(t, routing, &test.invoker), "GET /x HTTP/1.1")
			want := `{"message":"` + http.StatusText(test.status) + `"}`
			if text := body(t, response); response.StatusCode != test.status || text != want {
				t.Errorf("got %s %s", response.Status, text)
			}
			if response.Header.Get("Content-Type") != "application/json" || len(response.Header.Get("Apigw-Requestid")) != 16 {
				t.Errorf("headers %v", response.Header)
			}
		})
	}
}

func TestAClientThatLeavesDoesNotEndTheInvocation(t *testing.T) {
	ctx, leave := context.WithCancel(t.Context())
	leave()
	var invoker echo
	invoker.answer = `"done"`
	gateway := New(Options{Template: routing, Invoker: &invoker, Now: time.Now, Random: rand.Reader, Logf: t.Logf})
	if response, status := gateway.run(ctx, "Me", []byte("{}")); status != 0 || string(response.content) != "done" {
		t.Errorf("got %v, %d", response, status)
	}
}
