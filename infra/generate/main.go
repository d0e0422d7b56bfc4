// Command generate writes the parts of template.yaml that follow from the code: the routes of the API, and the block of each
// function with its class and its role. `make generate` writes them, and `make lint` checks that they are up to date.
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
)

const templateFile = "template.yaml"

func main() {
	check := flag.Bool("check", false, "report whether template.yaml is up to date, and write nothing")
	flag.Parse()
	if err := run(*check); err != nil {
		fmt.Fprintln(os.Stderr, "latchkey:", err)
		os.Exit(1)
	}
}

var errOutdated = errors.New("template.yaml is out of date: run make generate")

func run(check bool) error {
	current, err := os.ReadFile(templateFile)
	if err != nil {
		return fmt.Errorf("reading the template, in the folder of go.mod: %w", err)
	}
	product, err := load(".")
	if err != nil {
		return err
	}
	functions, err := describe(product)
	if err != nil {
		return err
	}
	wanted, err := fill(current, map[string]string{"routes": routes(), "invoked": invoked(), "functions": blocks(functions)})
	switch {
	case err != nil:
		return err
	case bytes.Equal(current, wanted):
		return nil
	case check:
		return errOutdated
	}
	return os.WriteFile(templateFile, wanted, 0o644) //nolint:gosec // a file of the repository
}

// fill replaces the lines between the markers of each region. A marker is a comment: "BEGIN name", "END name".
func fill(text []byte, regions map[string]string) ([]byte, error) {
	for name, content := range regions {
		before, rest, begins := bytes.Cut(text, []byte("# BEGIN "+name+" (make generate)\n"))
		_, after, ends := bytes.Cut(rest, []byte("# END "+name+"\n"))
		if !begins || !ends {
			return nil, fmt.Errorf("%s has no lines %q and %q", templateFile, "# BEGIN "+name+" (make generate)", "# END "+name)
		}
		indent := before[bytes.LastIndexByte(before, '\n')+1:]
		text = bytes.Join([][]byte{
			before, []byte("# BEGIN " + name + " (make generate)\n"), []byte(content), indent, []byte("# END " + name + "\n"), after,
		}, nil)
	}
	return text, nil
}
