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

// The same event in the forms of the HTTP API and of SAM local.
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
	payload, err := lambdahttp.Adapt(handler).Invoke(t.Context(), []byte(event))
	if err != nil {
		t.Fatal(err)
	}
	var response events.APIGatewayV2HTTPResponse
	if err := json.Unmarshal(payload, &response); err != nil {
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
				for name, pair := range map[string][2]string{
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
						t.Errorf("%s: got %q, want %q", name, pair[0], pair[1])
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
		t.Errorf("got the response %+v, want the first status and both parts of the body", response)
	}
	if len(response.Cookies) != 2 || response.Cookies[1] != "b=2" || response.Headers["set-cookie"] != "" {
		t.Errorf("got the cookies %v and the headers %v, want two cookies and no header for them", response.Cookies, response.Headers)
	}
	if response.Headers["vary"] != "Origin, Accept" {
		t.Errorf("got Vary: %q, want %q", response.Headers["vary"], "Origin, Accept")
	}
}

func TestABodyThatIsNotTextIsBase64(t *testing.T) {
	response := invoke(t, asAPIGateway, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte{0xff, 0xfe}) })
	if !response.IsBase64Encoded || response.Body != "//4=" {
		t.Errorf("got the response %+v, want the body //4= in base64", response)
	}
}

func TestTheRequestEndsBeforeTheFunction(t *testing.T) {
	deadline := time.Now().Add(10 * time.Second)
	ctx, cancel := context.WithDeadline(t.Context(), deadline)
	defer cancel()
	var got time.Time
	handler := lambdahttp.Adapt(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got, _ = r.Context().Deadline() }))
	if _, err := handler.Invoke(ctx, []byte(`{}`)); err != nil {
		t.Fatal(err)
	}
	if !got.Equal(deadline.Add(-lambdahttp.Reserve)) {
		t.Errorf("the request ends %v before the function, want %v", deadline.Sub(got), lambdahttp.Reserve)
	}
}

func TestRequestID(t *testing.T) {
	ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "abc"})
	if got := lambdahttp.RequestID(ctx); got != "abc" {
		t.Errorf("RequestID = %q, want %q", got, "abc")
	}
	if got := lambdahttp.RequestID(t.Context()); got != "" {
		t.Errorf("RequestID outside of an invocation = %q, want an empty text", got)
	}
}

func TestAnUnreadableEventIsAnError(t *testing.T) {
	handler := lambdahttp.Adapt(http.NotFoundHandler())
	for name, event := range map[string]string{
		"body that is not base64": `{"body":"%","isBase64Encoded":true}`,
		"method with a space":     `{"requestContext":{"http":{"method":"A B"}}}`,
		"not JSON":                `{"body":`,
		"another form":            `{"headers":{"accept":["*/*"]}}`,
	} {
		if _, err := handler.Invoke(t.Context(), []byte(event)); err == nil {
			t.Errorf("%s: Invoke(%s) returned no error", name, event)
		}
	}
}

// TestHandlerRunsUnderTheLambdaLibrary shows that the library uses a Handler directly and returns its response byte for byte,
// without escapes for HTML.
func TestHandlerRunsUnderTheLambdaLibrary(t *testing.T) {
	handler := lambdahttp.Adapt(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<p>&</p>") }))
	want := `{"statusCode":200,"headers":{},"multiValueHeaders":null,"body":"<p>&</p>","cookies":null}` + "\n"
	got, err := lambda.NewHandler(handler).Invoke(t.Context(), []byte(asAPIGateway))
	if err != nil || string(got) != want {
		t.Errorf("Invoke = %s, %v; want %s", got, err, want)
	}
}

// FuzzEvent shows that no event makes the adapter panic, and that each response is JSON.
func FuzzEvent(f *testing.F) {
	for _, seed := range []string{asAPIGateway, asSAM, "{}", "null", `{"cookies":["a\nb"],"headers":{"a b":"c"}}`, `{"body":"%","isBase64Encoded":true}`} {
		f.Add(seed)
	}
	handler := lambdahttp.Adapt(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, r.Body)
		_, _ = r.Cookie("a")
	}))
	f.Fuzz(func(t *testing.T, event string) {
		payload, err := handler.Invoke(t.Context(), []byte(event))
		if err == nil && !json.Valid(payload) {
			t.Errorf("Invoke(%s) = %s, want JSON", event, payload)
		}
	})
}
