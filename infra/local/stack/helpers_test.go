package stack

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"latchkey/infra/local/template"
	"latchkey/infra/testkit"
	"latchkey/infra/testkit/httpclient"
)

var client httpclient.Client

// product returns a folder with a copy of a small product and links to the tools of this one.
func product(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	if err := os.CopyFS(folder, os.DirFS("testdata/product")); err != nil {
		t.Fatal(err)
	}
	for _, tools := range []string{"infra", ".tools"} {
		if err := os.Symlink(filepath.Join(testkit.Root(t), tools), filepath.Join(folder, tools)); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// startStack starts a stack that ends with the test.
func startStack(t *testing.T, o Options) *Stack {
	t.Helper()
	o.Log = io.Discard
	s, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// rename returns the definition of the first table of s with another name.
func rename(s *Stack, name string) []template.Table {
	table := s.Template.Tables[0]
	table.Name = name
	return []template.Table{table}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

func move(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}
