package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"

	"latchkey/infra/local/engine"
)

type start func(context.Context, engine.Options) (*engine.Engine, error)

const redirectURI = "http://localhost:1/callback"

func startOpenID(ctx context.Context, o engine.Options) (*engine.Engine, error) {
	return engine.StartOpenID(ctx, o, engine.OpenIDClient{ID: "id", Secret: "secret", RedirectURI: redirectURI})
}

// engines are all emulators. Every one of them must be there: a missing one fails the tests.
var engines = map[string]start{
	"DynamoDB (default)": engine.StartDynamoDB,
	"DynamoDB Local":     engine.StartDynamoDBLocal,
	"SES":                engine.StartSES,
	"OpenID":             startOpenID,
	"SSM":                engine.StartSSM,
}

func TestEngineAnswersUntilStopped(t *testing.T) {
	for name, start := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, err := start(t.Context(), engine.Options{Root: root(t)})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(e.Stop)
			if err := answers(t, e.Endpoint); err != nil {
				t.Error(err)
			}
			e.Stop()
			if err := answers(t, e.Endpoint); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("after Stop: %v, want a refused connection", err)
			}
		})
	}
}

func TestPortInUse(t *testing.T) {
	for name, start := range engines {
		for _, address := range []string{"127.0.0.1:0", ":0"} {
			t.Run(name+" on "+address, func(t *testing.T) {
				listener, err := net.Listen("tcp", address)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = listener.Close() })
				port := listener.Addr().(*net.TCPAddr).Port
				_, err = start(t.Context(), engine.Options{Root: root(t), Port: port})
				if err == nil || !strings.HasSuffix(err.Error(), fmt.Sprintf("port %d is in use", port)) {
					t.Errorf("error %v", err)
				}
			})
		}
	}
}

func TestEndIsToldWithItsCause(t *testing.T) {
	e, err := engine.StartDynamoDB(t.Context(), engine.Options{Root: root(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Stop)
	if err := syscall.Kill(e.Pid(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-e.Done()
	if got := e.Err().Error(); !strings.Contains(got, e.Name+" ended (signal: killed)") {
		t.Errorf("Err() = %q", got)
	}
}

func TestMissingToolNamesTheTargetThatInstallsIt(t *testing.T) {
	for name, start := range engines {
		t.Run(name, func(t *testing.T) {
			_, err := start(t.Context(), engine.Options{Root: t.TempDir()})
			if err == nil || !strings.HasSuffix(err.Error(), "is not installed: run `make setup`") {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestCancelledStartLeavesNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	port, err := engine.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := engine.StartDynamoDB(ctx, engine.Options{Root: root(t), Port: port}); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want %v", err, context.Canceled)
	}
	if err := engine.CheckPort(port); err != nil {
		t.Errorf("after the start was cancelled: %v", err)
	}
}

func TestRoot(t *testing.T) {
	top := t.TempDir()
	deep := top + "/a/b"
	if err := errors.Join(os.MkdirAll(deep, 0o700), os.WriteFile(top+"/go.mod", nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	t.Chdir(deep)
	if got, err := engine.Root(); err != nil || !sameFile(t, got, top) {
		t.Errorf("Root() = %q, %v; want %q", got, err, top)
	}
	t.Chdir(t.TempDir())
	if got, err := engine.Root(); err == nil {
		t.Errorf("Root() = %q outside any module, want an error", got)
	}
}

func answers(t *testing.T, endpoint string) error {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, endpoint+"/", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, response.Body)
	return errors.Join(err, response.Body.Close())
}
