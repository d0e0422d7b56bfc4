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

// echo is an Invoker that stores the event and returns a fixed payload.
type echo struct {
	function string
	event    event
	payload  string
	err      error
	wait     bool // waits until the context ends
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
	return []byte(e.payload), e.err
}

// serve serves the template's API over HTTP. The invoker replaces its functions.
func serve(t *testing.T, app *template.Template, invoker *echo) *httptest.Server {
	t.Helper()
	if invoker.payload == "" {
		invoker.payload = `{"statusCode":200}`
	}
	server := httptest.NewServer(New(Options{
		Template: app, Invoker: invoker, Now: time.Now, Random: rand.Reader, Logf: t.Logf, Timeout: 50 * time.Millisecond,
	}))
	t.Cleanup(server.Close)
	return server
}

// send sends the lines of a request unchanged, which a client of the standard library would not.
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
		"request line over the limit": {[]string{"GET /" + strings.Repeat("x", maxHead) + " HTTP/1.1"}, http.StatusRequestHeaderFieldsTooLarge},
		"event within Lambda's limit": {post("text/plain", maxPayload-2000), http.StatusOK},
		"event over Lambda's limit":   {post("text/plain", maxPayload), http.StatusRequestEntityTooLarge},
		"base64 over Lambda's limit":  {post("image/png", maxPayload/4*3), http.StatusRequestEntityTooLarge},
		"body over the gateway's":     {post("text/plain", maxBody+1), http.StatusRequestEntityTooLarge},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			response := send(t, server, test.request...)
			if response.StatusCode != test.status {
				t.Fatalf("got %s, want %d", response.Status, test.status)
			}
			if test.status == http.StatusOK {
				return
			}
			if got, want := body(t, response), `{"message":"`+http.StatusText(test.status)+`"}`; got != want {
				t.Errorf("got body %s, want %s", got, want)
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
		"error":                {echo{err: errors.New("injected")}, http.StatusInternalServerError},
		"timeout":              {echo{wait: true}, http.StatusServiceUnavailable},
		"malformed JSON":       {echo{payload: "{oops"}, http.StatusInternalServerError},
		"status not a number":  {echo{payload: `{"statusCode":"abc"}`}, http.StatusInternalServerError},
		"informational status": {echo{payload: `{"statusCode":100}`}, http.StatusInternalServerError},
		"malformed base64":     {echo{payload: `{"statusCode":200,"body":"?","isBase64Encoded":true}`}, http.StatusInternalServerError},
		"malformed header":     {echo{payload: `{"statusCode":200,"headers":{"a":"b\r\nc: d"}}`}, http.StatusInternalServerError},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			response := send(t, serve(t, routing, &test.invoker), "GET /x HTTP/1.1")
			want := `{"message":"` + http.StatusText(test.status) + `"}`
			if text := body(t, response); response.StatusCode != test.status || text != want {
				t.Errorf("got %s %s, want %d %s", response.Status, text, test.status, want)
			}
			if response.Header.Get("Content-Type") != "application/json" || len(response.Header.Get("Apigw-Requestid")) != 16 {
				t.Errorf("got headers %v, want the type application/json and an Apigw-Requestid of 16 characters", response.Header)
			}
		})
	}
}

func TestInvocationContinuesWithoutTheClient(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	invoker := echo{payload: `"done"`}
	gateway := New(Options{Template: routing, Invoker: &invoker, Now: time.Now, Random: rand.Reader, Logf: t.Logf})
	if response, status := gateway.run(ctx, "Me", []byte("{}")); status != 0 || string(response.content) != "done" {
		t.Errorf("run after the client disconnected: got %v, %d; want the body done", response, status)
	}
}
