// Package ssmtest gives tests a path of their own in a Systems Manager that runs as a service of its own (moto).
//
// It starts once per test binary and ends with it. One that is not installed fails the test.
package ssmtest

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"latchkey/infra/local/engine"
	"latchkey/infra/local/template"
	"latchkey/pkg/ssm"
)

// Path is a place that no other test uses.
type Path struct {
	Endpoint string
	Name     string // of the path, without a slash at the end
	Client   *ssm.Client
}

var (
	once    sync.Once
	service *engine.Engine
	failed  error
	fresh   atomic.Int64
)

// Fresh gives a test an empty path.
func Fresh(t *testing.T) Path {
	t.Helper()
	root, err := engine.Root()
	if err != nil {
		t.Fatal(err)
	}
	// The service outlives the test that happens to come first, so it does not get that test's context.
	once.Do(func() { service, failed = engine.StartSSM(context.Background(), engine.Options{Root: root}) })
	if failed != nil {
		t.Fatal(failed)
	}
	return Path{
		Endpoint: service.Endpoint,
		Name:     fmt.Sprintf("/latchkey/test-%d/keys", fresh.Add(1)),
		Client:   Client(service.Endpoint, nil),
	}
}

// Client returns a client of the service, through transport if there is one.
func Client(endpoint string, transport http.RoundTripper) *ssm.Client {
	return ssm.New(ssm.Options{
		Region: template.Region, Endpoint: endpoint, Transport: transport,
		Now:         time.Now, //nolint:forbidigo // signatures go by the real time, for tests too
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
}
