// Package app is the composition root: what each function is made of, and nothing else.
//
// It is the one place that reads the environment, the clock and the random source, so that everything below takes
// them as arguments. A function in functions/ names its builder; tests build the same handlers through [Build].
package app

import (
	"context"
	"crypto/rand"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"latchkey/pkg/lambdahttp"
	"latchkey/pkg/lambdakeys"
	"latchkey/pkg/lambdastream"
)

// Version is the product's version, as /api/auth/health tells it.
const Version = "0.1.0"

// warmUpTime bounds the one store call before the first event.
const warmUpTime = 2 * time.Second

// Function builds the handler of one function from its parts.
type Function func(*Parts) http.Handler

// KeysFunction builds the handler of the function that takes care of the keys.
type KeysFunction func(*Parts) lambdakeys.Handler

// StreamFunction builds the handler of a function that a table's stream feeds.
type StreamFunction func(*Parts) lambdastream.Handler

// Main runs a function until its container ends. A configuration that does not hold ends the process at once, with
// one log line for all faults, so that a broken deployment never serves.
func Main(function Function) {
	run(func(parts *Parts) any {
		parts.readPublicURL(os.Getenv)
		return lambdahttp.Adapt(parts.withFreshKeys(function(parts)))
	})
}

// MainStream is Main for a function that a table's stream feeds.
func MainStream(function StreamFunction) {
	run(func(parts *Parts) any {
		parts.readPublicURL(os.Getenv)
		return parts.withFreshKeysForStreams(function(parts))
	})
}

// MainKeys runs the function that takes care of the keys. It starts with a configuration that does not hold, too, to tell
// CloudFormation, which waits for an answer.
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
	parts.warmUp()
	lambda.Start(handler)
}

// Build makes a function's handler from the environment that getenv reads. The error joins every fault of the
// configuration and of the key set.
func Build(function Function, getenv func(string) string, logs io.Writer) (http.Handler, error) {
	parts := newParts(getenv, logs, time.Now, rand.Reader)
	parts.readPublicURL(getenv)
	handler := parts.withFreshKeys(function(parts))
	return handler, parts.err()
}

// BuildKeys makes the handler that takes care of the keys. Its answers tell what is wrong with the configuration.
func BuildKeys(function KeysFunction, getenv func(string) string, logs io.Writer) lambdakeys.Handler {
	return function(newParts(getenv, logs, time.Now, rand.Reader))
}

// warmUp connects to the store while INIT still runs at full speed. Its failure is no failure of INIT: the store may
// be back when the first request comes.
func (p *Parts) warmUp() {
	if p.store == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), warmUpTime)
	defer cancel()
	if err := p.store.Ping(ctx); err != nil {
		p.log.Warn("the warm-up found no store", "cause", err.Error())
	}
}

// The public roots as Amazon Linux 2023 has them.
const (
	rootsFile = "/etc/pki/tls/certs/ca-bundle.crt"
	noRoots   = "/var/empty"
)

// useBundledRoots makes the first TLS handshake in Lambda parse one file instead of that file and two directories.
func useBundledRoots() {
	if os.Getenv("AWS_LAMBDA_FUNCTION_NAME") == "" || os.Getenv("SSL_CERT_FILE") != "" {
		return
	}
	if _, err := os.Stat(rootsFile); err == nil {
		_ = os.Setenv("SSL_CERT_FILE", rootsFile)
		_ = os.Setenv("SSL_CERT_DIR", noRoots)
	}
}
