package app

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"latchkey/pkg/config"
	"latchkey/pkg/contract"
	"latchkey/pkg/dynamo"
	"latchkey/pkg/lambdahttp"
	"latchkey/pkg/password"
	"latchkey/pkg/secret"
	"latchkey/pkg/token"
)

// The rehearsal
//
// The first event of a process runs most of its code for the first time: pages of the binary are not in memory yet, and decoders are
// not built. With a part of a CPU, that would make the first response several times slower than the next. INIT has a whole CPU, so
// each function serves one request of its own before the first event.
//
// The rehearsal has its own configuration, keys, records and log. It shares nothing with the function but the code:
//
//   - Its store is a [dynamo.Rehearsal]. No call leaves the process, so nothing is written, counted or charged, and no role needs a
//     permission for it.
//   - Its keys are generated for it and discarded after it, and its issuer has a reserved name. Nothing else accepts its tokens.
//   - Its log goes nowhere.
//
// A rehearsal that fails has no effect on the function. A test checks that none fails.

const (
	// rehearsalURL is the address of the API in a rehearsal. The name is reserved (RFC 6761 §6.4).
	rehearsalURL = "https://rehearsal.invalid"

	// rehearsalTime limits a rehearsal, which takes a few milliseconds.
	rehearsalTime = time.Second

	rehearsalAlgorithm = "ES256" // other keys take longer to generate
)

// rehearsalHashing holds the cost parameters of password hashes in a rehearsal. A hash with the real ones takes longer than the rest of
// the start.
var rehearsalHashing = password.Params{MemoryKiB: 8, Time: 1, Threads: 1}

// rehearsal is a function with a configuration of its own.
type rehearsal struct {
	parts   *Parts
	records *dynamo.Rehearsal
	handler lambda.Handler
}

// newRehearsal builds a function for its rehearsal. It makes no call.
func newRehearsal(function Function, p *Parts) *rehearsal {
	keys, err := token.GenerateKeySet(p.random, rehearsalAlgorithm)
	cfg := p.cfg
	cfg.PublicURL, cfg.TokenAudience = rehearsalURL, rehearsalURL
	cfg.SigningKeys, cfg.SigningAlgorithm, cfg.KeysPath = secret.New(string(keys)), rehearsalAlgorithm, ""
	cfg.ClientKeys, cfg.ClientKeysParameter = secret.String{}, ""
	cfg.OAuth.GitHub.Client = config.OAuthClient{ID: "rehearsal", Secret: secret.New("rehearsal")}
	r := &rehearsal{records: &dynamo.Rehearsal{UsersTable: cfg.UsersTable, SessionsTable: cfg.SessionsTable}}
	r.parts = &Parts{
		cfg: cfg, log: newLogger(io.Discard, cfg), now: p.now, random: p.random,
		transport: r.records, hashing: rehearsalHashing,
	}
	r.parts.note(err)
	r.handler = lambda.NewHandler(lambdahttp.Adapt(r.parts.withFreshKeys(function(r.parts))))
	return r
}

// needs returns what building the function used.
func (r *rehearsal) needs() needs {
	return needs{keys: r.parts.keys != nil, clientKeys: r.parts.sources != nil, store: r.parts.store != nil}
}

// run serves the request. A failure has no consequence.
func (r *rehearsal) run() { _ = r.serve() }

// serve returns an error unless the function responds as its sample expects.
func (r *rehearsal) serve() (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v", cause)
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), rehearsalTime)
	defer cancel()
	w, err := newRehearsalData(r)
	if err != nil {
		return err
	}
	var request sample
	if r.parts.sample != nil {
		request = r.parts.sample(w)
	}
	w.store()
	if err := r.parts.err(); err != nil {
		return err
	}
	payload, err := request.event(r.parts.first, w.pair.Access)
	if err != nil {
		return err
	}
	response, err := r.handler.Invoke(ctx, payload)
	if err != nil {
		return err
	}
	return request.check(response)
}

// rehearse defines the request of the rehearsal, unless it follows from the row of the function's first endpoint.
func (p *Parts) rehearse(request func(*rehearsalData) sample) { p.sample = request }

// sample is the request of a rehearsal, without what follows from the row of its endpoint.
type sample struct {
	segment string            // of the path, where the row has a variable
	query   string            // of the URL
	cookies []string          // as name=value
	body    map[string]string // a JSON object; nil for none

	status int    // of the response; zero is 200
	code   string // of an error response
}

// check returns an error unless response, the encoded one of the handler, is the expected one.
func (s sample) check(response []byte) error {
	want := fmt.Appendf(nil, `{"statusCode":%d,`, cmp.Or(s.status, http.StatusOK))
	if !bytes.HasPrefix(response, want) || !bytes.Contains(response, []byte(s.code)) {
		return fmt.Errorf("got the response %s, want %s with %q", response, want, s.code)
	}
	return nil
}

// event returns the request to an endpoint as an event of API Gateway (payload format 2.0).
func (s sample) event(row contract.Endpoint, access secret.String) ([]byte, error) {
	const source = "192.0.2.1" // reserved (RFC 5737)
	headers := map[string]string{
		"accept": "*/*", "accept-encoding": "gzip, deflate", "host": "rehearsal.invalid", "user-agent": "rehearsal",
		"x-amzn-trace-id": "Root=1-0-0", "x-forwarded-for": source, "x-forwarded-port": "443", "x-forwarded-proto": "https",
	}
	if row.Auth == contract.Required || row.Auth == contract.Ending {
		headers["authorization"] = "Bearer " + access.Reveal()
	}
	var body []byte
	if s.body != nil {
		headers["content-type"] = "application/json"
		var err error
		if body, err = json.Marshal(s.body); err != nil {
			return nil, err
		}
	}
	path, variables := row.Path, map[string]string{}
	if before, rest, found := strings.Cut(row.Path, "{"); found {
		name, after, _ := strings.Cut(rest, "}")
		path, variables[name] = before+s.segment+after, s.segment
	}
	return json.Marshal(map[string]any{
		"version": "2.0", "routeKey": row.Key(), "rawPath": path, "rawQueryString": s.query, "cookies": s.cookies, "headers": headers,
		"pathParameters": variables, "body": string(body), "isBase64Encoded": false,
		"requestContext": map[string]any{
			"domainName": "rehearsal.invalid",
			"http":       map[string]string{"method": row.Method, "path": path, "sourceIp": source, "userAgent": "rehearsal"},
		},
	})
}
