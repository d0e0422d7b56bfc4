// Package ssmtest provides each test with an empty parameter path in an emulated Systems Manager (moto).
//
// The emulator starts once per test binary and ends with it. If it is not installed, the test fails.
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
	"latchkey/infra/testkit"
	"latchkey/pkg/ssm"
)

// Path is a parameter path that no other test uses.
type Path struct {
	Endpoint string
	Name     string // without a slash at the end
	Client   *ssm.Client
}

var (
	once     sync.Once
	service  *engine.Engine
	startErr error
	lastPath atomic.Int64
)

// Fresh returns an empty path.
func Fresh(t *testing.T) Path {
	t.Helper()
	root := testkit.Root(t)
	// The service serves all later tests as well, so it must not end with the context of the first one.
	once.Do(func() { service, startErr = engine.StartSSM(context.Background(), engine.Options{Root: root}) })
	if startErr != nil {
		t.Fatal(startErr)
	}
	return Path{
		Endpoint: service.Endpoint,
		Name:     fmt.Sprintf("/latchkey/test-%d/keys", lastPath.Add(1)),
		Client:   Client(service.Endpoint, nil),
	}
}

// Client returns a client of the service at endpoint. A nil transport selects the client's own.
func Client(endpoint string, transport http.RoundTripper) *ssm.Client {
	return ssm.New(ssm.Options{
		Region: template.Region, Endpoint: endpoint, Transport: transport,
		Now:         time.Now, //nolint:forbidigo // the service compares the time of a signature with the real time
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
}
