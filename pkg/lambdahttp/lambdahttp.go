// Package lambdahttp passes events of an API Gateway HTTP API (payload format 2.0) to an [http.Handler] and returns its
// response.
//
// It is the only package that knows both sides, so everything behind it is plain net/http and could run anywhere. It reads
// header names without regard to case, and cookies from either place, because SAM local and the real service write them
// differently.
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

// Reserve is kept back from the deadline of the function, so that a response is possible even if a dependency is slow.
const Reserve = 500 * time.Millisecond

// event holds the members of an event that are used. The others, about half, are left out so that no request decodes them.
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

// Handler implements [lambda.Handler]. It decodes events itself, because the Lambda library would decode complete events from a
// copy.
type Handler struct{ http http.Handler }

var _ lambda.Handler = Handler{}

// Adapt returns a Lambda handler that calls handler.
func Adapt(handler http.Handler) Handler { return Handler{http: handler} }

// Invoke handles one event. The context of the request ends [Reserve] before the deadline of the function. An event that cannot
// be read is an error of the function. No input of a client can cause it.
func (h Handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-Reserve))
		defer cancel()
	}
	var ev event
	if err := json.Unmarshal(payload, &ev); err != nil {
		return nil, fmt.Errorf("reading the event: %w", err)
	}
	request, err := newRequest(ctx, &ev)
	if err != nil {
		return nil, fmt.Errorf("reading the event: %w", err)
	}
	writer := &recorder{header: http.Header{}, status: http.StatusOK}
	h.http.ServeHTTP(writer, request)
	return encode(writer.response())
}

// encode encodes a response as the Lambda library does, but without escapes for HTML, which would make pages longer.
func encode(response events.APIGatewayV2HTTPResponse) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(response); err != nil {
		return nil, fmt.Errorf("encoding the response: %w", err)
	}
	return text.Bytes(), nil
}

// RequestID returns the Lambda request id of the invocation that ctx belongs to, or "" outside of an invocation.
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

// recorder is an [http.ResponseWriter] that keeps the response.
type recorder struct {
	header http.Header
	status int
	body   []byte
	wrote  bool
}

// Header implements [http.ResponseWriter].
func (r *recorder) Header() http.Header { return r.header }

// WriteHeader implements [http.ResponseWriter]. Only the first status counts.
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
