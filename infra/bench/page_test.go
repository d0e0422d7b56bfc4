package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"latchkey/infra/report"
)

const docs = "../docs"

// TestThePlotShowsTheOutputInThePage also checks that the output is from a thorough run.
func TestThePlotShowsTheOutputInThePage(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(docs, page))
	if err != nil {
		t.Fatal(err)
	}
	output, err := report.Output(string(text), command)
	if err != nil {
		t.Fatalf("%s: %v", page, err)
	}
	want, err := drawLatency(output)
	if err != nil {
		t.Fatal(err)
	}
	drawn, err := os.ReadFile(filepath.Join(docs, plot))
	if err != nil {
		t.Fatal(err)
	}
	if string(drawn) != want {
		t.Errorf("infra/docs/%s is not the plot of the output in infra/docs/%s: run `%s`", plot, page, command)
	}
	if suffix := sizesSuffix(thorough); !strings.Contains(output, suffix) {
		t.Errorf("infra/docs/%s has no row that ends with %q: run `%s`, without -quick", page, suffix, command)
	}
}
