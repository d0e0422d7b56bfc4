package stack

import (
	"context"
	"maps"

	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"latchkey/infra/local/engine"
	"latchkey/infra/local/tables"
	"latchkey/infra/testkit"
	"latchkey/pkg/token"
)

func TestStackServesUntilClosed(t *testing.T) {
	s := startStack(t, Options{Root: product(t), OpenID: true})
	if got := tableNames(t, s.DynamoDBEndpoint); !slices.Equal(got, []string{"Things"}) {
		t.Errorf("got tables %v, want Things", got)
	}
	addresses := []string{s.URL, s.MailURL + "/store", s.DynamoDBEndpoint, s.OpenIDURL}
	for _, address := range addresses {
		if _, err := client.Do(t.Context(), "GET", address, ""); err != nil {
			t.Errorf("GET %s: got %v, want a response", address, err)
		}
	}
	bin := s.folder.bin
	s.Close()
	for _, address := range addresses {
		if _, err := client.Do(t.Context(), "GET", address, ""); err == nil {
			t.Errorf("GET %s after Close: got a response, want an error", address)
		}
	}
	if _, err := os.Stat(bin); !os.IsNotExist(err) {
		t.Errorf("temporary folder after Close: got %v, want %v", err, os.ErrNotExist)
	}
}

func TestEnvironmentOfFunctions(t *testing.T) {
	outside, err := engine.StartDynamoDB(t.Context(), engine.Options{Root: testkit.Root(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(outside.Stop)
	s := startStack(t, Options{
		Root:             product(t),
		DynamoDBEndpoint: outside.Endpoint,
		Environment:      map[string]string{"GREETING": "good evening", "DYNAMODB_ENDPOINT": "http://127.0.0.1:9", "PUBLIC_URL": "", "OTHER": "x"},
	})
	if got := tableNames(t, outside.Endpoint); !slices.Equal(got, []string{"Things"}) {
		t.Errorf("engine outside the stack: got tables %v, want Things", got)
	}
	got := maps.Clone(s.Template.Functions[0].Environment)
	if _, err := token.ParseKeySet([]byte(got["SIGNING_KEYS"]), "EdDSA"); err != nil {
		t.Error(err)
	}
	delete(got, "SIGNING_KEYS")
	want := map[string]string{
		"GREETING": "good evening", "DYNAMODB_ENDPOINT": "http://127.0.0.1:9", "PUBLIC_URL": s.URL, "SES_ENDPOINT": s.MailURL,
		"OAUTH_GOOGLE_ISSUER": "", "OAUTH_GOOGLE_CLIENT_ID": "", "OAUTH_GOOGLE_CLIENT_SECRET": "",
	}
	if !maps.Equal(got, want) {
		t.Errorf("got environment %v, want %v", got, want)
	}
}

func TestDataFolderIsUsedAgainUntilAFreshStart(t *testing.T) {
	o := Options{Root: product(t), DataDir: filepath.Join(t.TempDir(), "new", "data")}
	first := startStack(t, o)
	if err := tables.Create(t.Context(), tables.Client(first.DynamoDBEndpoint), rename(first, "Mine"), ""); err != nil {
		t.Fatal(err)
	}
	keys := read(t, first.folder.keys)
	if info, err := os.Stat(first.folder.keys); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("file of the keys: got mode %v, %v; want 600", info.Mode(), err)
	}
	first.Close()

	second := startStack(t, o)
	if got := tableNames(t, second.DynamoDBEndpoint); !slices.Equal(got, []string{"Mine", "Things"}) {
		t.Errorf("after a restart: got tables %v, want Mine and Things", got)
	}
	if read(t, second.folder.keys) != keys {
		t.Error("after a restart: got other signing keys, want the same")
	}
	second.Close()

	foreign := filepath.Join(o.DataDir, "notes.txt")
	if err := os.WriteFile(foreign, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	o.Fresh = true
	third := startStack(t, o)
	if got := tableNames(t, third.DynamoDBEndpoint); !slices.Equal(got, []string{"Things"}) {
		t.Errorf("after a fresh start: got tables %v, want Things", got)
	}
	if read(t, third.folder.keys) == keys {
		t.Error("after a fresh start: got the same signing keys, want others")
	}
	if got := read(t, foreign); got != "mine" {
		t.Errorf("foreign file after a fresh start: got %q, want it unchanged", got)
	}
}

func TestWaitReportsTheEndOfAnEngine(t *testing.T) {
	for name, engineOf := range map[string]func(*Stack) *engine.Engine{
		"database": func(s *Stack) *engine.Engine { return s.database },
		"mail":     func(s *Stack) *engine.Engine { return s.mail },
		"OpenID":   func(s *Stack) *engine.Engine { return s.openID },
	} {
		t.Run(name, func(t *testing.T) {
			s := startStack(t, Options{Root: product(t), OpenID: true})
			result := make(chan error)
			go func() { result <- s.Wait(t.Context()) }()
			if err := syscall.Kill(engineOf(s).Pid(), syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			select {
			case err := <-result:
				if want := engineOf(s).Name + " ended"; err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("Wait() = %v, want %s", err, want)
				}
			case <-time.After(20 * time.Second):
				t.Error("Wait did not return within 20 s")
			}
		})
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	s := startStack(t, Options{Root: product(t)})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Wait(ctx); err != nil {
		t.Errorf("Wait() = %v, want nil", err)
	}
}

// tableNames returns the sorted names of the tables at endpoint.
func tableNames(t *testing.T, endpoint string) []string {
	t.Helper()
	list, err := tables.Client(endpoint).ListTables(t.Context(), &dynamodb.ListTablesInput{})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(list.TableNames)
	return list.TableNames
}
