package engine_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"latchkey/infra/local/engine"
	"latchkey/infra/testkit"
	"latchkey/infra/testkit/httpclient"
)

var client httpclient.Client

type start func(context.Context, engine.Options) (*engine.Engine, error)

const redirectURI = "http://localhost:1/callback"

func startOpenID(ctx context.Context, o engine.Options) (*engine.Engine, error) {
	return engine.StartOpenID(ctx, o, engine.OpenIDClient{ID: "id", Secret: "secret", RedirectURI: redirectURI})
}

// engines holds all emulators. If one is not installed, the tests fail.
var engines = map[string]start{
	"DynamoDB (default)": engine.StartDynamoDB,
	"DynamoDB Local":     engine.StartDynamoDBLocal,
	"SES":                engine.StartSES,
	"OpenID":             startOpenID,
	"SSM":                engine.StartSSM,
}

func TestEngineRespondsUntilStopped(t *testing.T) {
	for name, start := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, err := start(t.Context(), engine.Options{Root: testkit.Root(t)})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(e.Stop)
			if _, err := client.Do(t.Context(), "GET", e.Endpoint+"/", ""); err != nil {
				t.Errorf("GET %s: got %v, want a response", e.Endpoint, err)
			}
			e.Stop()
			if _, err := client.Do(t.Context(), "GET", e.Endpoint+"/", ""); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("GET %s after Stop: got %v, want a refused connection", e.Endpoint, err)
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
				_, err = start(t.Context(), engine.Options{Root: testkit.Root(t), Port: port})
				if want := fmt.Sprintf("port %d is in use", port); err == nil || !strings.HasSuffix(err.Error(), want) {
					t.Errorf("got error %v, want %s", err, want)
				}
			})
		}
	}
}

func TestErrReportsHowTheEngineEnded(t *testing.T) {
	e, err := engine.StartDynamoDB(t.Context(), engine.Options{Root: testkit.Root(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Stop)
	if err := syscall.Kill(e.Pid(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-e.Done()
	if got, want := e.Err().Error(), e.Name+" ended (signal: killed)"; !strings.Contains(got, want) {
		t.Errorf("Err() = %q, want %q in it", got, want)
	}
}

func TestErrorOfMissingToolNamesItsRemedy(t *testing.T) {
	for name, start := range engines {
		t.Run(name, func(t *testing.T) {
			_, err := start(t.Context(), engine.Options{Root: t.TempDir()})
			if want := "is not installed: run `make setup`"; err == nil || !strings.HasSuffix(err.Error(), want) {
				t.Errorf("got error %v, want %s", err, want)
			}
		})
	}
}

func TestCancelledStartFreesThePort(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	port, err := engine.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := engine.StartDynamoDB(ctx, engine.Options{Root: testkit.Root(t), Port: port}); !errors.Is(err, context.Canceled) {
		t.Fatalf("got error %v, want %v", err, context.Canceled)
	}
	if err := engine.CheckPort(port); err != nil {
		t.Errorf("CheckPort after the cancelled start: got %v, want nil", err)
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

// sameFile compares folders by identity, because the temporary folder is a symbolic link on some systems.
func sameFile(t *testing.T, a, b string) bool {
	t.Helper()
	first, err := os.Stat(a)
	if err != nil {
		t.Fatal(err)
	}
	second, err := os.Stat(b)
	if err != nil {
		t.Fatal(err)
	}
	return os.SameFile(first, second)
}
