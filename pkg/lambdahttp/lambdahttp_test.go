package lambdahttp_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"latchkey/pkg/lambdahttp"
)

// asAPIGateway is an event as the HTTP API makes it, asSAM one as SAM local does.
const (
	asAPIGateway = `{"version":"2.0","routeKey":"POST /things/{id}","rawPath":"/things/a b","rawQueryString":"x=1&x=2",
		"cookies":["a=1","b=2"],"headers":{"content-type":"application/json","x-two":"1,2"},"pathParameters":{"id":"a b"},
		"requestContext":{"domainName":"api.example","http":{"method":"POST","path":"/things/a b","sourceIp":"192.0.2.1"}},
		"body":"{}","isBase64Encoded":false}`
	asSAM = `{"version":"2.0","routeKey":"POST /things/{id}","rawPath":"/things/a b","rawQueryString":"x=1&x=2",
		"cookies":["a=1","b=2"],"headers":{"Content-Type":"application/json","X-Two":"1,2","Cookie":"a=1; b=2"},"pathParameters":{"id":"a b"},
		"requestContext":{"domainName":"api.example","http":{"method":"POST","path":"/things/a b","sourceIp":"192.0.2.1"}},
		"body":"e30=","isBase64Encoded":true}`
)

func invoke(t *testing.T, event string, handler http.HandlerFunc) events.APIGatewayV2HTTPResponse {
	t.Helper()
	answer, err := lambdahttp.Adapt(handler).Invoke(t.Context(), []byte(event))
	if err != nil {
		t.Fatal(err)
	}
	var response events.APIGatewayV2HTTPResponse
	if err := json.Unmarshal(answer, &response); err != nil {
		t.Fatal(err)
	}
	return response
}

func TestRequest(t *testing.T) {
	for name, event := range map[string]string{"API Gateway": asAPIGateway, "SAM local": asSAM} {
		t.Run(name, func(t *testing.T) {
			invoke(t, event, func(_ http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				first, _ := r.Cookie("a")
				second, _ := r.Cookie("b")
				for what, pair := range map[string][2]string{
					"method":       {r.Method, "POST"},
					"path":         {r.URL.Path, "/things/a b"},
					"query":        {r.URL.RawQuery, "x=1&x=2"},
					"pattern":      {r.Pattern, "POST /things/{id}"},
					"path value":   {r.PathValue("id"), "a b"},
					"remote":       {r.RemoteAddr, "192.0.2.1"},
					"host":         {r.Host, "api.example"},
					"content type": {r.Header.Get("Content-Type"), "application/json"},
					"joined":       {r.Header.Get("X-Two"), "1,2"},
					"body":         {string(body), "{}"},
					"cookies":      {first.String() + " " + second.String(), "a=1 b=2"},
				} {
					if pair[0] != pair[1] {
						t.Errorf("%s is %q, want %q", what, pair[0], pair[1])
					}
				}
			})
		})
	}
}

func TestResponse(t *testing.T) {
	response := invoke(t, asAPIGateway, func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "1"})
		http.SetCookie(w, &http.Cookie{Name: "b", Value: "2"})
		w.Header().Add("Vary", "Origin")
		w.Header().Add("Vary", "Accept")
		w.WriteHeader(http.StatusTeapot)
		w.WriteHeader(http.StatusOK)
		_, _ = io.WriteString(w, "short and ")
		_, _ = io.WriteString(w, "stout")
	})
	if response.StatusCode != http.StatusTeapot || response.Body != "short and stout" || response.IsBase64Encoded {
		t.Errorf("the response is %+v", response)
	}
	if len(response.Cookies) != 2 || response.Cookies[1] != "b=2" || response.Headers["set-cookie"] != "" {
		t.Errorf("the cookies are %v beside the headers %v", response.Cookies, response.Headers)
	}
	if response.Headers["vary"] != "Origin, Accept" {
		t.Errorf("vary is %q", response.Headers["vary"])
	}
}

func TestBytesThatAreNoTextAreBase64(t *testing.T) {
	response := invoke(t, asAPIGateway, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte{0xff, 0xfe}) })
	if !response.IsBase64Encoded || response.Body != "//4=" {
		t.Errorf("the response is %+v", response)
	}
}

func TestTheHandlersTimeEndsBeforeTheFunctions(t *testing.T) {
	deadline := time.Now().Add(10 * time.Second)
	ctx, cancel := context.WithDeadline(t.Context(), deadline)
	defer cancel()
	var got time.Time
	handler := lambdahttp.Adapt(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got, _ = r.Context().Deadline() }))
	if _, err := handler.Invoke(ctx, []byte(`{}`)); err != nil {
		t.Fatal(err)
	}
	if !got.Equal(deadline.Add(-lambdahttp.Reserve)) {
		t.Errorf("the handler's deadline is %v before the function's", deadline.Sub(got))
	}
}

func TestRequestID(t *testing.T) {
	ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "abc"})
	if got := lambdahttp.RequestID(ctx); got != "abc" {
		t.Errorf("the id is %q", got)
	}
	if got := lambdahttp.RequestID(t.Context()); got != "" {
		t.Errorf("outside of an invocation the id is %q", got)
	}
}

func TestAnEventThatCannotBeReadIsTheFunctionsError(t *testing.T) {
	handler := lambdahttp.Adapt(http.NotFoundHandler())
	for name, event := range map[string]string{
		"body that is no base64": `{"body":"%","isBase64Encoded":true}`,
		"method with a space":    `{"requestContext":{"http":{"method":"A B"}}}`,
		"no JSON":                `{"body":`,
		"another shape":          `{"headers":{"accept":["*/*"]}}`,
	} {
		if _, err := handler.Invoke(t.Context(), []byte(event)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// The Lambda library takes a Handler as it is, and gives its answer on byte for byte, markup unescaped.
func TestHandlerRunsUnderTheLambdaLibrary(t *testing.T) {
	handler := lambdahttp.Adapt(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<p>&</p>") }))
	want := `{"statusCode":200,"headers":{},"multiValueHeaders":null,"body":"<p>&</p>","cookies":null}` + "\n"
	got, err := lambda.NewHandler(handler).Invoke(t.Context(), []byte(asAPIGateway))
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}

// FuzzEvent holds: no event makes the adapter panic, and a handler is called for all that can be read.
func FuzzEvent(f *testing.F) {
	for _, seed := range []string{asAPIGateway, asSAM, "{}", "null", `{"cookies":["a\nb"],"headers":{"a b":"c"}}`, `{"body":"%","isBase64Encoded":true}`} {
		f.Add(seed)
	}
	handler := lambdahttp.Adapt(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, r.Body)
		_, _ = r.Cookie("a")
	}))
	f.Fuzz(func(t *testing.T, event string) {
		answer, err := handler.Invoke(t.Context(), []byte(event))
		if err == nil && !json.Valid(answer) {
			t.Errorf("the answer is %s", answer)
		}
	})
}
