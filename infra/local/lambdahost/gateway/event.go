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

// apiID is the local API's id.
const apiID = "local"

// exchange is what the service adds to a request of its own accord.
type exchange struct {
	requestID string
	traceRoot string // as in 1-5e6722a7-cc56xmpl46db7ae02d4da47e
	at        time.Time
}

// event is the payload, format 2.0 ("Create AWS Lambda proxy integrations for HTTP APIs" in the API Gateway guide).
// It is written out here, and not taken from aws-lambda-go, whose type has fields that the service leaves out.
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

// newEvent makes the event of a request whose body has been read.
func newEvent(r *http.Request, body []byte, matched routed, call exchange) event {
	domain, _ := splitPort(r.Host)
	prefix, _, _ := strings.Cut(domain, ".")
	peer, _ := splitPort(r.RemoteAddr)
	// The HTTP API hands over the path decoded, unlike the REST API and function URLs; the query stays encoded.
	path := unescape(r.URL.EscapedPath())
	text, encoded := encodeBody(body, r.Header.Get("Content-Type"))
	return event{
		Version:         "2.0",
		RouteKey:        matched.key,
		RawPath:         path,
		RawQuery:        r.URL.RawQuery,
		Cookies:         cookies(r.Header),
		Headers:         headers(r, len(body), peer, call),
		Query:           query(r.URL.RawQuery),
		Body:            text,
		Variables:       matched.variables,
		IsBase64Encoded: encoded,
		Context: requestContext{
			AccountID:    template.AccountID,
			APIID:        apiID,
			DomainName:   domain,
			DomainPrefix: prefix,
			HTTP:         httpContext{r.Method, path, r.Proto, peer, r.UserAgent()},
			RequestID:    call.requestID,
			RouteKey:     matched.key,
			Stage:        "$default",
			Time:         call.at.UTC().Format("02/Jan/2006:15:04:05 -0700"),
			TimeEpoch:    call.at.UnixMilli(),
		},
	}
}

// marshal encodes the event. Strings and numbers cannot fail to encode.
func (e event) marshal() []byte {
	payload, err := json.Marshal(e)
	if err != nil {
		panic("gateway: encoding an event: " + err.Error())
	}
	return payload
}

// encodeBody gives a body of a text type as it is and any other in base64. The types are those that the service was seen
// to take for text: a form is none of them, nor is a body without a type. Bytes that are no UTF-8 have no place in
// a JSON string; they go in base64 whatever their type, so that the function sees what the client sent.
func encodeBody(body []byte, contentType string) (text string, encoded bool) {
	media, _, err := mime.ParseMediaType(contentType)
	isText := err == nil && (strings.HasPrefix(media, "text/") ||
		slices.Contains([]string{"application/json", "application/javascript", "application/xml"}, media))
	if len(body) == 0 || isText && utf8.Valid(body) {
		return string(body), false
	}
	return base64.StdEncoding.EncodeToString(body), true
}
