// Package lambdahttp carries API Gateway HTTP API events (payload format 2.0) to an [http.Handler] and its answer back.
//
// It is the only place that knows both, so that everything behind it is plain net/http and could be served anywhere.
// Header names are read without regard to case and cookies from either place, since SAM local writes them otherwise
// than the real service.
package lambdahttp

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

// Reserve is kept back from the function's deadline, so that an answer can still be given when a dependency is slow.
const Reserve = 500 * time.Millisecond

// Handler is the signature that the Lambda runtime calls.
type Handler func(context.Context, events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error)

// Adapt returns handler as a Lambda handler. Its context ends [Reserve] before the function's time does. An event that
// cannot be read is the function's error; nothing that a client sends can cause one.
func Adapt(handler http.Handler) Handler {
	return func(ctx context.Context, event events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
		if deadline, ok := ctx.Deadline(); ok {
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadline(ctx, deadline.Add(-Reserve))
			defer cancel()
		}
		request, err := newRequest(ctx, event)
		if err != nil {
			return events.APIGatewayV2HTTPResponse{}, fmt.Errorf("reading the event: %w", err)
		}
		answer := &recorder{header: http.Header{}, status: http.StatusOK}
		handler.ServeHTTP(answer, request)
		return answer.response(), nil
	}
}

// RequestID is the Lambda request id of the invocation that ctx belongs to; empty outside of one.
func RequestID(ctx context.Context) string {
	if invocation, ok := lambdacontext.FromContext(ctx); ok {
		return invocation.AwsRequestID
	}
	return ""
}

func newRequest(ctx context.Context, event events.APIGatewayV2HTTPRequest) (*http.Request, error) {
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
