package main

import (
	"io"
	"strings"
	"testing"

	"latchkey/infra/testkit/workload"
)

// TestSizes measures each operation once, and draws the plot from the output.
func TestSizes(t *testing.T) {
	var out strings.Builder
	effort := effort{few: 300, many: 500, requests: 1, mailed: 1}
	if err := run(t.Context(), effort, []part{{"sizes", measureSizes}}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	for _, row := range workload.Honest {
		if !strings.Contains(out.String(), "\n"+row.Name+sizesSuffix(effort)) {
			t.Errorf("got no row for %s: %s", row.Name, out.String())
		}
	}
	drawn, err := drawLatency(out.String())
	if err != nil {
		t.Fatalf("drawing the output: %v\n%s", err, out.String())
	}
	for _, row := range workload.Honest {
		if !strings.Contains(drawn, ">"+row.Name+"</text>") {
			t.Errorf("the plot does not name %s", row.Name)
		}
	}
}
