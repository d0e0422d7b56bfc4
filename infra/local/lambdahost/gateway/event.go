package gateway

import (
	"encoding/base64"
	"encoding/json"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"latchkey/infra/local/template"
)

// apiID is the id of the local API in events.
const apiID = "local"

// exchange holds the values that the service generates for a request.
type exchange struct {
	requestID string
	traceRoot string // as in 1-5e6722a7-cc56xmpl46db7ae02d4da47e
	at        time.Time
}

// event is the payload for a function, in format 2.0 ("Create AWS Lambda proxy integrations for HTTP APIs" in the API Gateway
// guide). The type of aws-lambda-go does not serve here, because it encodes fields that the service omits.
type event struct {
	Version         string            `json:"version"`
	RouteKey        string            `json:"routeKey"`
	RawPath         string            `json:"rawPath"`
	RawQuery        string            `json:"rawQueryString"`
	Cookies         []string          `json:"cookies,omitempty"`
	Headers         map[string]string `json:"headers"`
	Query           map[string]string `json:"queryStringParameters,omitempty"`
	Context         requestContext    `json:"requestContext"`
	Body            string            `json:"body,omitempty"`
	Variables       map[string]string `json:"pathParameters,omitempty"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`
}

type requestContext struct {
	AccountID    string      `json:"accountId"`
	APIID        string      `json:"apiId"`
	DomainName   string      `json:"domainName"`
	DomainPrefix string      `json:"domainPrefix"`
	HTTP         httpContext `json:"http"`
	RequestID    string      `json:"requestId"`
	RouteKey     string      `json:"routeKey"`
	Stage        string      `json:"stage"`
	Time         string      `json:"time"`
	TimeEpoch    int64       `json:"timeEpoch"` // milliseconds
}

type httpContext struct {
	Method    string `json:"method"`
	Path      string `json:"path"`
	Protocol  string `json:"protocol"`
	SourceIP  string `json:"sourceIp"`
	UserAgent string `json:"userAgent"`
}

// newEvent returns the event for a request with that body.
func newEvent(r *http.Request, body []byte, m routeMatch, call exchange) event {
	domain, _ := splitPort(r.Host)
	prefix, _, _ := strings.Cut(domain, ".")
	peer, _ := splitPort(r.RemoteAddr)
	// The HTTP API passes the path decoded, unlike the REST API and function URLs. The query stays encoded.
	path := unescape(r.URL.EscapedPath())
	text, encoded := encodeBody(body, r.Header.Get("Content-Type"))
	return event{
		Version:         "2.0",
		RouteKey:        m.key,
		RawPath:         path,
		RawQuery:        r.URL.RawQuery,
		Cookies:         cookies(r.Header),
		Headers:         headers(r, len(body), peer, call),
		Query:           query(r.URL.RawQuery),
		Body:            text,
		Variables:       m.variables,
		IsBase64Encoded: encoded,
		Context: requestContext{
			AccountID:    template.AccountID,
			APIID:        apiID,
			DomainName:   domain,
			DomainPrefix: prefix,
			HTTP:         httpContext{r.Method, path, r.Proto, peer, r.UserAgent()},
			RequestID:    call.requestID,
			RouteKey:     m.key,
			Stage:        "$default",
			Time:         call.at.UTC().Format("02/Jan/2006:15:04:05 -0700"),
			TimeEpoch:    call.at.UnixMilli(),
		},
	}
}

// marshal returns the JSON of the event. It cannot fail, because events consist of strings and numbers.
func (e event) marshal() []byte {
	payload, err := json.Marshal(e)
	if err != nil {
		panic("gateway: encoding an event: " + err.Error())
	}
	return payload
}

// encodeBody returns a body with a text type unchanged and any other body in base64. The text types are those that the
// service was observed to treat as text, which excludes forms and bodies without a type. A body that is not valid UTF-8 cannot
// be in a JSON string, so encodeBody encodes it in base64 regardless of its type.
func encodeBody(body []byte, contentType string) (text string, encoded bool) {
	media, _, err := mime.ParseMediaType(contentType)
	isText := err == nil && (strings.HasPrefix(media, "text/") ||
		slices.Contains([]string{"application/json", "application/javascript", "application/xml"}, media))
	if len(body) == 0 || isText && utf8.Valid(body) {
		return string(body), false
	}
	return base64.StdEncoding.EncodeToString(body), true
}
