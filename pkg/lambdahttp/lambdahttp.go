// Package lambdahttp carries API Gateway HTTP API events (payload format 2.0) to an [http.Handler] and its answer back.
//
// It is the only place that knows both, so that everything behind it is plain net/http and could be served anywhere.
// Header names are read without regard to case and cookies from either place, since SAM local writes them otherwise
// than the real service.
package lambdahttp

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

// Reserve is kept back from the function's deadline, so that an answer can still be given when a dependency is slow.
const Reserve = 500 * time.Millisecond

// event is what is read of an event. The other half of its members is left out, so that no request pays for decoding them.
type event struct {
	RouteKey       string            `json:"routeKey"`
	RawPath        string            `json:"rawPath"`
	RawQueryString string            `json:"rawQueryString"`
	Cookies        []string          `json:"cookies"`
	Headers        map[string]string `json:"headers"`
	PathParameters map[string]string `json:"pathParameters"`
	RequestContext struct {
		DomainName string `json:"domainName"`
		HTTP       struct {
			Method   string `json:"method"`
			SourceIP string `json:"sourceIp"`
		} `json:"http"`
	} `json:"requestContext"`
	Body            string `json:"body"`
	IsBase64Encoded bool   `json:"isBase64Encoded"`
}

// Handler implements [lambda.Handler], so that events are decoded here and not by the Lambda library, which decodes whole ones
// from a copy.
type Handler struct{ http http.Handler }

var _ lambda.Handler = Handler{}

// Adapt returns handler as a Lambda handler.
func Adapt(handler http.Handler) Handler { return Handler{http: handler} }

// Invoke answers one event. The context of its request ends [Reserve] before the function's time does. An event that cannot
// be read is the function's error; nothing that a client sends can cause one.
func (h Handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-Reserve))
		defer cancel()
	}
	var asked event
	if err := json.Unmarshal(payload, &asked); err != nil {
		return nil, fmt.Errorf("reading the event: %w", err)
	}
	request, err := newRequest(ctx, &asked)
	if err != nil {
		return nil, fmt.Errorf("reading the event: %w", err)
	}
	answer := &recorder{header: http.Header{}, status: http.StatusOK}
	h.http.ServeHTTP(answer, request)
	return encode(answer.response())
}

// encode writes an answer as the Lambda library does: without escapes for HTML, which would only make pages longer.
func encode(response events.APIGatewayV2HTTPResponse) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(response); err != nil {
		return nil, fmt.Errorf("writing the answer: %w", err)
	}
	return text.Bytes(), nil
}

// RequestID is the Lambda request id of the invocation that ctx belongs to; empty outside of one.
func RequestID(ctx context.Context) string {
	if invocation, ok := lambdacontext.FromContext(ctx); ok {
		return invocation.AwsRequestID
	}
	return ""
}

func newRequest(ctx context.Context, event *event) (*http.Request, error) {
	body := event.Body
	if event.IsBase64Encoded {
		decoded, err := base64.StdEncoding.DecodeString(event.Body)
		if err != nil {
			return nil, fmt.Errorf("decoding the body: %w", err)
		}
		body = string(decoded)
	}
	http1 := event.RequestContext.HTTP
	target := &url.URL{Path: event.RawPath, RawQuery: event.RawQueryString}
	request, err := http.NewRequestWithContext(ctx, http1.Method, "/", strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.URL = target
	request.RequestURI = target.RequestURI()
	request.Pattern = event.RouteKey
	request.RemoteAddr = http1.SourceIP
	request.Host = event.RequestContext.DomainName
	for name, value := range event.Headers {
		request.Header.Set(name, value)
	}
	if len(event.Cookies) > 0 {
		request.Header.Set("Cookie", strings.Join(event.Cookies, "; "))
	}
	for name, value := range event.PathParameters {
		request.SetPathValue(name, value)
	}
	return request, nil
}

// recorder collects what a handler writes.
type recorder struct {
	header http.Header
	status int
	body   []byte
	wrote  bool
}

// Header implements [http.ResponseWriter].
func (r *recorder) Header() http.Header { return r.header }

// WriteHeader implements [http.ResponseWriter]; the first status counts.
func (r *recorder) WriteHeader(status int) {
	if !r.wrote {
		r.status, r.wrote = status, true
	}
}

// Write implements [http.ResponseWriter].
func (r *recorder) Write(data []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	r.body = append(r.body, data...)
	return len(data), nil
}

func (r *recorder) response() events.APIGatewayV2HTTPResponse {
	response := events.APIGatewayV2HTTPResponse{
		StatusCode: r.status,
		Headers:    make(map[string]string, len(r.header)),
		Cookies:    r.header["Set-Cookie"],
		Body:       string(r.body),
	}
	for name, values := range r.header {
		if name != "Set-Cookie" {
			response.Headers[strings.ToLower(name)] = strings.Join(values, ", ")
		}
	}
	if !utf8.Valid(r.body) {
		response.Body, response.IsBase64Encoded = base64.StdEncoding.EncodeToString(r.body), true
	}
	return response
}
