package stack

import (
	"context"
	"maps"
	"net/http"
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
	"latchkey/pkg/token"
)

func TestStackServesUntilClosed(t *testing.T) {
	s := begin(t, Options{Root: product(t), OpenID: true})
	if got := names(t, s.DynamoDBEndpoint); !slices.Equal(got, []string{"Things"}) {
		t.Errorf("tables %v, want Things", got)
	}
	addresses := []string{s.URL, s.MailURL + "/store", s.DynamoDBEndpoint, s.OpenIDURL}
	for _, address := range addresses {
		if err := answers(t, address); err != nil {
			t.Error(err)
		}
	}
	kept := s.folder.bin
	s.Close()
	for _, address := range addresses {
		if err := answers(t, address); err == nil {
			t.Errorf("%s answers after Close", address)
		}
	}
	if _, err := os.Stat(kept); !os.IsNotExist(err) {
		t.Errorf("the temporary folder is still there: %v", err)
	}
}

func TestFunctionsGetWhatIsSetAndElseWhatTheStackKnows(t *testing.T) {
	outside, err := engine.StartDynamoDB(t.Context(), engine.Options{Root: root(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(outside.Stop)
	s := begin(t, Options{
		Root:             product(t),
		DynamoDBEndpoint: outside.Endpoint,
		Environment:      map[string]string{"GREETING": "good evening", "DYNAMODB_ENDPOINT": "http://127.0.0.1:9", "PUBLIC_URL": "", "OTHER": "x"},
	})
	if got := names(t, outside.Endpoint); !slices.Equal(got, []string{"Things"}) {
		t.Errorf("tables on the engine that was given: %v", got)
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
		t.Errorf("environment %v, want %v", got, want)
	}
}

func TestDataFolderIsKeptUntilAFreshStart(t *testing.T) {
	o := Options{Root: product(t), DataDir: filepath.Join(t.TempDir(), "new", "data")}
	first := begin(t, o)
	if err := tables.Create(t.Context(), tables.Client(first.DynamoDBEndpoint), renamed(first, "Mine"), ""); err != nil {
		t.Fatal(err)
	}
	keys := read(t, first.folder.keys)
	if info, err := os.Stat(first.folder.keys); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode of the keys: %v, %v", info.Mode(), err)
	}
	first.Close()

	second := begin(t, o)
	if got := names(t, second.DynamoDBEndpoint); !slices.Equal(got, []string{"Mine", "Things"}) {
		t.Errorf("tables %v after a restart", got)
	}
	if read(t, second.folder.keys) != keys {
		t.Error("other signing keys after a restart")
	}
	second.Close()

	foreign := filepath.Join(o.DataDir, "notes.txt")
	if err := os.WriteFile(foreign, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	o.Fresh = true
	third := begin(t, o)
	if got := names(t, third.DynamoDBEndpoint); !slices.Equal(got, []string{"Things"}) {
		t.Errorf("tables %v after a fresh start", got)
	}
	if read(t, third.folder.keys) == keys {
		t.Error("the same signing keys after a fresh start")
	}
	if read(t, foreign) != "mine" {
		t.Error("a fresh start removed a file that is not its own")
	}
}

func TestWaitTellsOfTheEngineThatEnds(t *testing.T) {
	for name, victim := range map[string]func(*Stack) *engine.Engine{
		"database": func(s *Stack) *engine.Engine { return s.database },
		"mail":     func(s *Stack) *engine.Engine { return s.mail },
		"OpenID":   func(s *Stack) *engine.Engine { return s.openID },
	} {
		t.Run(name, func(t *testing.T) {
			s := begin(t, Options{Root: product(t), OpenID: true})
			ended := make(chan error)
			go func() { ended <- s.Wait(t.Context()) }()
			if err := syscall.Kill(victim(s).Pid(), syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			select {
			case err := <-ended:
				if err == nil || !strings.Contains(err.Error(), victim(s).Name+" ended") {
					t.Errorf("Wait() = %v", err)
				}
			case <-time.After(20 * time.Second):
				t.Error("Wait did not return")
			}
		})
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	s := begin(t, Options{Root: product(t)})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Wait(ctx); err != nil {
		t.Errorf("Wait() = %v", err)
	}
}

func names(t *testing.T, endpoint string) []string {
	t.Helper()
	list, err := tables.Client(endpoint).ListTables(t.Context(), &dynamodb.ListTablesInput{})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(list.TableNames)
	return list.TableNames
}

func answers(t *testing.T, address string) error {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	return response.Body.Close()
}
