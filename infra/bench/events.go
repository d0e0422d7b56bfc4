package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-lambda-go/events"
)

// event returns the event of API Gateway for a POST by a common HTTP client. The n-th event has a source address of its own, so that
// limits by address do not affect the measurement.
func event(route, body, bearer string, n int) []byte {
	method, path, _ := strings.Cut(route, " ")
	source := fmt.Sprintf("198.18.%d.%d", n/250%250, n%250)
	headers := map[string]string{
		"accept": "*/*", "accept-encoding": "gzip, deflate", "content-length": fmt.Sprint(len(body)),
		"content-type": "application/json", "host": "localhost:8000", "user-agent": "python-httpx/0.28.1",
		"x-amzn-trace-id": "Root=1-5e6722a7-cc56xmpl46db7ae02d4da47e", "x-forwarded-for": source,
		"x-forwarded-port": "443", "x-forwarded-proto": "https",
	}
	if bearer != "" {
		headers["authorization"] = "Bearer " + bearer
	}
	request := events.APIGatewayV2HTTPRequest{
		Version: "2.0", RouteKey: route, RawPath: path, Headers: headers, Body: body,
		RequestContext: events.APIGatewayV2HTTPRequestContext{
			RouteKey: route, AccountID: "123456789012", Stage: "$default", RequestID: "JKJaXmPLvHcESHA=", APIID: "r3pmxmplak",
			DomainName: "localhost:8000", DomainPrefix: "r3pmxmplak", Time: "10/Mar/2020:05:16:23 +0000", TimeEpoch: 1583817383220,
			HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{
				Method: method, Path: path, Protocol: "HTTP/1.1", SourceIP: source, UserAgent: "python-httpx/0.28.1",
			},
		},
	}
	return encode(request)
}

// object returns a JSON object of strings. The arguments are names and values in turn.
func object(members ...string) string {
	all := make(map[string]string, len(members)/2)
	for i := 0; i < len(members); i += 2 {
		all[members[i]] = members[i+1]
	}
	return string(encode(all))
}

// member returns a token from a response, or "" if it has none. The body of a response is JSON within JSON.
func member(response []byte, name string) string {
	_, rest, _ := bytes.Cut(response, []byte(`\"`+name+`\":\"`))
	value, _, _ := bytes.Cut(rest, []byte(`\"`))
	return string(value)
}

// encode encodes a value of the bench, which cannot fail.
func encode(value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		panic("bench: an event does not marshal: " + err.Error())
	}
	return text
}
