package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"latchkey/infra/local/stack"
	"latchkey/infra/testkit"
	"latchkey/pkg/contract"
)

const guide = "guide.md"

// TestGuide runs every sample of the guide in its order and as printed, against the built functions, and compares its output with the
// guide. It changes only the addresses of `make run`, because port 8000 may be in use. infra/browser runs the samples for browsers.
func TestGuide(t *testing.T) {
	samples := readSamples(t, guide)
	written := &testkit.Buffer{}
	product := startStack(t, written)
	here := strings.NewReplacer(
		"http://localhost:8000", product.URL,
		"http://127.0.0.1:8005", product.MailURL,
		"http://localhost:8006", product.OpenIDURL,
	)
	reader := newReader(t, product)
	for _, s := range samples {
		s.text, s.output.text = here.Replace(s.text), here.Replace(s.output.text)
		if printed := reader.follow(t, s); !s.forBrowsers() {
			if err := s.output.compare(printed); err != nil {
				t.Errorf("%s:%d: %v\nthe whole output is:\n%s", guide, s.line, err, printed)
			}
		}
	}
	product.Close() // all log lines are written before it returns
	for _, route := range contract.Endpoints {
		if !strings.Contains(written.String(), `"route":"`+route.Key()+`"`) {
			t.Errorf("no sample calls %s: add one to infra/docs/guide.md", route.Key())
		}
	}
}

// clientKeys returns the CLIENT_KEYS with which the guide starts the API for the samples of its section about proxies.
func clientKeys(t *testing.T) string {
	t.Helper()
	started := regexp.MustCompile("`CLIENT_KEYS=(\\S+) make run`").FindStringSubmatch(read(t, "infra/docs/"+guide))
	if started == nil {
		t.Fatalf("got no command that starts the API with CLIENT_KEYS, want one in infra/docs/%s", guide)
	}
	return started[1]
}

// TestEveryRouteIsInTheTable checks that the guide's table has one row for each endpoint and no other row.
func TestEveryRouteIsInTheTable(t *testing.T) {
	text, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(text), "\n## All endpoints\n")
	if !found {
		t.Fatal("got a guide without the section All endpoints")
	}
	for _, route := range contract.Endpoints {
		row := "\n| " + route.Method + " | `" + route.Path + "` |"
		if count := strings.Count(table, row); count != 1 {
			t.Errorf("got %d rows for %s, want 1 in the section All endpoints of infra/docs/guide.md", count, route.Key())
		}
	}
	const heading = 2 // lines
	if rows := strings.Count(table, "\n|") - heading; rows != len(contract.Endpoints) {
		t.Errorf("got %d rows, want %d", rows, len(contract.Endpoints))
	}
}

// TestEveryErrorCodeIsInTheGuide checks that the guide names every error code of openapi.yaml.
func TestEveryErrorCodeIsInTheGuide(t *testing.T) {
	text, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range errorCodes(t) {
		if !strings.Contains(string(text), "`"+code+"`") {
			t.Errorf("got a guide without the error code %s", code)
		}
	}
}

// startStack starts a stack as `make run` does, on free ports. It ends with the test and keeps no data.
func startStack(t *testing.T, written *testkit.Buffer) *stack.Stack {
	t.Helper()
	started, err := stack.Start(t.Context(), stack.Options{
		Root: testkit.Root(t), OpenID: true, Log: written, Environment: map[string]string{"CLIENT_KEYS": clientKeys(t)},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		started.Close()
		if t.Failed() {
			t.Log(written.String())
		}
	})
	return started
}

// python returns the path of the interpreter that `make test` installs, with the packages that the guide requires.
func python(t *testing.T) string {
	t.Helper()
	return filepath.Join(testkit.Root(t), ".tools", "venv", "bin", "python3")
}
