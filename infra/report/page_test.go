package report_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"latchkey/infra/report"
)

const examplePage = "# Page\n\n```\nother\n```\n\n<!-- output of `make x` -->\n```\nold\n  rows  1 2\n```\n\nText.\n"

func TestOutput(t *testing.T) {
	got, err := report.Output(examplePage, "make x")
	if want := "old\n  rows  1 2\n"; got != want || err != nil {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
	for name, page := range map[string]string{
		"no marker":      "```\nold\n```\n",
		"no block":       "<!-- output of `make x` -->\nold\n",
		"a block no end": "<!-- output of `make x` -->\n```\nold\n",
	} {
		if got, err := report.Output(page, "make x"); err == nil {
			t.Errorf("%s: got %q, want an error", name, got)
		}
	}
}

func TestWriteOutputReplacesOnlyTheOutput(t *testing.T) {
	path := filepath.Join(t.TempDir(), "page.md")
	if err := os.WriteFile(path, []byte(examplePage), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := report.WriteOutput(path, "make x", "new  \n\n"); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Replace(examplePage, "old\n  rows  1 2\n", "new\n", 1); string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if err := report.WriteOutput(path, "make y", "new\n"); err == nil {
		t.Error("a page without the marker: got no error, want one")
	}
}

func TestRow(t *testing.T) {
	const table = "name      a  b\n  me      1  2\nme, by cookie  3  4\n"
	for name, want := range map[string]string{"me": "1 2", "me, by cookie": "3 4", "by cookie": "", "absent": ""} {
		cells, found := report.Row(table, name)
		if got := strings.Join(cells, " "); got != want || found != (want != "") {
			t.Errorf("the row %q: got %q, %t; want %q", name, got, found, want)
		}
	}
}
