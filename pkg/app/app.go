// Package app is the composition root, and has one file for each endpoint.
//
// An endpoint's file contains its request body, the call of its rule, and the builder of its function. Only this package reads
// the environment, the clock and the random source; everything below takes them as arguments. A main in functions/ names its
// builder, and tests build the same handlers with [Build].
package app

import (
	"crypto/rand"
	"io"
	"net/http"
	"os"
	"runtime"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"latchkey/pkg/httpapi"
	"latchkey/pkg/lambdahttp"
	"latchkey/pkg/lambdakeys"
	"latchkey/pkg/lambdastream"
	"latchkey/pkg/session"
)

// Version is the version of the product, which /api/auth/health returns.
const Version = "0.1.0"

// threads is the number of threads that run code of a function after INIT. A process serves one request at a time. With a second
// thread, the scheduler uses a quarter more CPU time, to look for work and to wake the other thread at each step of a call.
const threads = 1

// Function builds the handler of one function from its parts.
type Function func(*Parts) http.Handler

// KeysFunction builds the handler of the function that creates and rotates the keys.
type KeysFunction func(*Parts) lambdakeys.Handler

// StreamFunction builds the handler of a function that the stream of a table invokes.
type StreamFunction func(*Parts) lambdastream.Handler

// Main runs a function until its container ends, after one [rehearsal]. An invalid configuration ends the process at once, with one
// log line that names all faults, so that a broken deployment never serves requests.
func Main(function Function) {
	run(func(parts *Parts) any {
		rehearsal := newRehearsal(function, parts)
		parts.open(rehearsal.needs(), os.Getenv, rehearsal.run)
		return lambdahttp.Adapt(parts.withFreshKeys(function(parts)))
	})
}

// MainStream is Main for a function that the stream of a table invokes.
func MainStream(function StreamFunction) {
	run(func(parts *Parts) any {
		parts.open(needs{keys: true, store: true}, os.Getenv, func() {}) // no client waits for its first response
		return parts.withFreshKeysForStreams(function(parts))
	})
}

// MainKeys runs the function that creates and rotates the keys. It also starts with an invalid configuration, because
// CloudFormation waits for a response that reports the fault.
func MainKeys(function KeysFunction) {
	useBundledRoots()
	lambda.Start(function(newParts(os.Getenv, os.Stdout, time.Now, rand.Reader)))
}

func run(build func(*Parts) any) {
	useBundledRoots()
	parts := newParts(os.Getenv, os.Stdout, time.Now, rand.Reader)
	handler := build(parts)
	if err := parts.err(); err != nil {
		parts.log.Error("cannot start", "cause", err.Error())
		os.Exit(1)
	}
	runtime.GOMAXPROCS(threads)
	lambda.Start(handler)
}

// Build returns the handler of a function with the environment that getenv reads. The error joins all faults of the configuration
// and of the key set.
func Build(function Function, getenv func(string) string, logs io.Writer) (http.Handler, error) {
	parts := newParts(getenv, logs, time.Now, rand.Reader)
	parts.readPublicURL(getenv)
	handler := parts.withFreshKeys(function(parts))
	return handler, parts.err()
}

// BuildKeys returns the handler that creates and rotates the keys. Its responses report the faults of the configuration.
func BuildKeys(function KeysFunction, getenv func(string) string, logs io.Writer) lambdakeys.Handler {
	return function(newParts(getenv, logs, time.Now, rand.Reader))
}

// Short names for the parameter and the result of every endpoint.
type (
	call[Req any]   = httpapi.Call[Req]
	result[Res any] = httpapi.Result[Res]
	unread          = httpapi.Unread
)

// messageBody is a response that consists of one sentence.
type messageBody struct {
	Message string `json:"message"`
}

func message(text string, cookies ...httpapi.Cookie) result[messageBody] {
	return result[messageBody]{Body: messageBody{Message: text}, Cookies: cookies}
}

// tokensBody is a token pair (RFC 6749 §5.1).
type tokensBody struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"` // seconds
}

func tokens(status int, pair session.Pair, cookies ...httpapi.Cookie) result[tokensBody] {
	return result[tokensBody]{Status: status, Cookies: cookies, Body: tokensBody{
		AccessToken:  pair.Access.Reveal(),
		RefreshToken: pair.Refresh.Reveal(),
		TokenType:    "bearer",
		ExpiresIn:    int64(pair.ExpiresIn / time.Second),
	}}
}
