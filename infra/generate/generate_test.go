package main

import (
	"os"
	"strings"
	"testing"

	"latchkey/pkg/dynamo"
)

func TestFilesAreUpToDate(t *testing.T) {
	t.Chdir("../..")
	if err := run(true); err != nil {
		t.Error(err)
	}
}

func TestFill(t *testing.T) {
	const text = "a\n  # BEGIN x (make generate)\nold\n  # END x\nb\n"
	got, err := fill([]byte(text), "# ", map[string]string{"x": "  new\n"})
	if want := "a\n  # BEGIN x (make generate)\n  new\n  # END x\nb\n"; err != nil || string(got) != want {
		t.Errorf("got %q, error %v, want %q", got, err, want)
	}
	if _, err := fill([]byte(text), "# ", map[string]string{"y": ""}); err == nil || !strings.Contains(err.Error(), "BEGIN y") {
		t.Errorf("a missing region: got error %v, want one that names its marker", err)
	}
}

func TestDistinct(t *testing.T) {
	read := func(key string) dynamo.Grant { return dynamo.Grant{Table: dynamo.Users, Action: "GetItem", Key: key} }
	write := dynamo.Grant{Table: dynamo.Users, Action: "PutItem", Key: "U#health"}
	got := distinct([]dynamo.Grant{read("U#health"), read("U#*"), read("U#*"), write})
	if len(got) != 2 || got[0] != read("U#*") || got[1] != write {
		t.Errorf("got %v, want the wide read and the write", got)
	}
}

// TestReach follows rules through interfaces to the store, and no further than the function's own.
func TestReach(t *testing.T) {
	if _, err := os.Stat("../../go.mod"); err != nil {
		t.Fatal(err)
	}
	product, err := load("../..")
	if err != nil {
		t.Fatal(err)
	}
	functions, err := describe(product)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"health":   "Users GetItem U#health",
		"refresh":  "Sessions DeleteItem S#*, Sessions UpdateItem R#L#*, Sessions UpdateItem S#*, Users GetItem U#*",
		"fallback": "",
	}
	for _, f := range functions {
		var grants []string
		for _, g := range f.grants {
			grants = append(grants, string(g.Table)+" "+g.Action+" "+g.Key)
		}
		if expected, is := want[f.name]; is && strings.Join(grants, ", ") != expected {
			t.Errorf("%s: got %q, want %q", f.name, strings.Join(grants, ", "), expected)
		}
	}
}
