// Package docs_test runs the authentication guide: every sample of guide.md, in its order and as it is printed, against the built
// product, and compares what it prints with what the guide shows.
//
// One thing is changed in a sample: the addresses of `make run` become those of the test's own stack, since port 8000 may be in use.
// What only a browser can run is run by infra/browser.
package docs_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"latchkey/infra/local/engine"
	"latchkey/infra/local/stack"
	"latchkey/pkg/contract"
)

const guide = "guide.md"

func TestGuide(t *testing.T) {
	samples := readSamples(t, guide)
	written := &log{}
	product := startStack(t, written)
	here := strings.NewReplacer(
		"http://localhost:8000", product.URL,
		"http://127.0.0.1:8005", product.MailURL,
		"http://localhost:8006", product.OpenIDURL,
	)
	reader := newReader(t, product)
	for _, s := range samples {
		s.text, s.shown.text = here.Replace(s.text), here.Replace(s.shown.text)
		if printed := reader.follow(t, s); !s.forBrowsers() {
			if err := s.shown.compare(printed); err != nil {
				t.Errorf("%s:%d: %v\nit printed:\n%s", guide, s.line, err, printed)
			}
		}
	}
	product.Close() // after which everything is in the log
	for _, route := range contract.Endpoints {
		if !strings.Contains(written.String(), `"route":"`+route.Key()+`"`) {
			t.Errorf("no sample calls %s", route.Key())
		}
	}
}

// TestEveryRouteIsInTheTable of endpoints, once, and nothing else is.
func TestEveryRouteIsInTheTable(t *testing.T) {
	text, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(text), "\n## All endpoints\n")
	if !found {
		t.Fatal("there is no table of endpoints")
	}
	for _, route := range contract.Endpoints {
		row := "\n| " + route.Method + " | `" + route.Path + "` |"
		if count := strings.Count(table, row); count != 1 {
			t.Errorf("%s is in the table %d times", route.Key(), count)
		}
	}
	const heading = 2 // lines
	if rows := strings.Count(table, "\n|") - heading; rows != len(contract.Endpoints) {
		t.Errorf("the table has %d rows for %d routes", rows, len(contract.Endpoints))
	}
}

// TestEveryErrorCodeIsInTheGuide that openapi.yaml lists.
func TestEveryErrorCodeIsInTheGuide(t *testing.T) {
	text, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range errorCodes(t) {
		if !strings.Contains(string(text), "`"+code+"`") {
			t.Errorf("the guide does not say what to do about %s", code)
		}
	}
}

// startStack starts a product as `make run` does, on free ports, that ends with the test and keeps nothing.
func startStack(t *testing.T, written *log) *stack.Stack {
	t.Helper()
	started, err := stack.Start(t.Context(), stack.Options{Root: moduleRoot(t), OpenID: true, Log: written})
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

func moduleRoot(t *testing.T) string {
	t.Helper()
	root, err := engine.Root()
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// python is the interpreter that `make test` installs, with the packages that the guide asks for.
func python(t *testing.T) string {
	t.Helper()
	return filepath.Join(moduleRoot(t), ".tools", "venv", "bin", "python3")
}

// log collects what the functions write.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements [io.Writer].
func (l *log) Write(data []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(data)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
