// Command generate writes what follows from the code. In template.yaml these are the routes of the API, and the block of each
// function with its class and its role; in infra/docs/decisions.md, the table of what requests count for. `make generate` writes
// them, and `make lint` checks that they are up to date.
//
// A block follows from three sources: the table of endpoints (pkg/contract), the store methods that the function can reach and what
// each of them does to the tables (pkg/dynamo), and functions.yaml beside this file for other settings. The rest of the template
// is written by hand.
package main

import (
	"bytes"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
)

const (
	templateFile  = "template.yaml"
	decisionsFile = "infra/docs/decisions.md"
)

func main() {
	check := flag.Bool("check", false, "report whether the files are up to date, and write nothing")
	flag.Parse()
	if err := run(*check); err != nil {
		fmt.Fprintln(os.Stderr, "latchkey:", err)
		os.Exit(1)
	}
}

func run(check bool) error {
	product, err := load(".")
	if err != nil {
		return err
	}
	functions, err := describe(product)
	if err != nil {
		return err
	}
	return errors.Join(
		write(check, templateFile, "# ", map[string]string{"routes": routes(), "invoked": invoked(), "functions": blocks(functions)}),
		write(check, decisionsFile, "<!-- ", map[string]string{"counts": counts()}),
	)
}

// write writes the regions of a file, or reports whether they are up to date. comment begins the markers.
func write(check bool, file, comment string, regions map[string]string) error {
	current, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("reading a generated file, in the folder of go.mod: %w", err)
	}
	wanted, err := fill(current, comment, regions)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", file, err)
	case bytes.Equal(current, wanted):
		return nil
	case check:
		return fmt.Errorf("%s is out of date: run make generate", file)
	}
	return os.WriteFile(file, wanted, 0o644) //nolint:gosec // a file of the repository
}

// fill replaces the lines between the markers of each region. A marker is a comment: "BEGIN name", "END name".
func fill(text []byte, comment string, regions map[string]string) ([]byte, error) {
	for name, content := range regions {
		begin, end := comment+"BEGIN "+name+" (make generate)", comment+"END "+name
		before, rest, begins := bytes.Cut(text, []byte(begin))
		tail, rest, closes := bytes.Cut(rest, []byte("\n")) // of the first marker
		_, after, ends := bytes.Cut(rest, []byte(end))
		if !begins || !closes || !ends {
			return nil, fmt.Errorf("no lines %q and %q", begin, end)
		}
		indent := before[bytes.LastIndexByte(before, '\n')+1:]
		text = slices.Concat(before, []byte(begin), tail, []byte("\n"+content), indent, []byte(end), after)
	}
	return text, nil
}
