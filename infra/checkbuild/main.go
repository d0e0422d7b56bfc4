// Command checkbuild checks the output of `sam build`. It rejects a binary that Lambda cannot start: a missing one, one built for an
// architecture other than the template's, or one linked against a C library, whose version differs in Lambda's image. AWS would
// report each of these faults only when the function is first called.
package main

import (
	"debug/elf"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"go.yaml.in/yaml/v3"
)

const buildFolder = ".aws-sam/build"

func main() {
	if err := check("template.yaml", buildFolder); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// samTemplate holds the part of a SAM template that decides which binaries are built. A function without Architectures inherits
// those of Globals.
type samTemplate struct {
	Globals struct {
		Function properties `yaml:"Function"`
	} `yaml:"Globals"`
	Resources map[string]struct {
		Type       string     `yaml:"Type"`
		Properties properties `yaml:"Properties"`
	} `yaml:"Resources"`
}

type properties struct {
	Architectures []string `yaml:"Architectures"`
}

// check reports every fault of every function, joined into one error.
func check(template, folder string) error {
	text, err := os.ReadFile(template)
	if err != nil {
		return fmt.Errorf("reading the template: %w", err)
	}
	var parsed samTemplate
	if err := yaml.Unmarshal(text, &parsed); err != nil {
		return fmt.Errorf("parsing the template: %w", err)
	}
	var faults []error
	functions := 0
	for _, name := range slices.Sorted(maps.Keys(parsed.Resources)) {
		resource := parsed.Resources[name]
		if resource.Type != "AWS::Serverless::Function" {
			continue
		}
		functions++
		architectures := resource.Properties.Architectures
		if architectures == nil {
			architectures = parsed.Globals.Function.Architectures
		}
		if err := checkBinary(filepath.Join(folder, name, "bootstrap"), architectures); err != nil {
			faults = append(faults, fmt.Errorf("function %s: %w", name, err))
		}
	}
	if functions == 0 {
		return fmt.Errorf("%s declares no functions", template)
	}
	return errors.Join(faults...)
}

// machines maps the names of Lambda's architectures to those of the ELF format.
var machines = map[string]elf.Machine{"x86_64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}

func checkBinary(path string, architectures []string) error {
	if len(architectures) != 1 {
		return fmt.Errorf("the template lists %d architectures, want 1", len(architectures))
	}
	binary, err := elf.Open(path)
	if err != nil {
		return fmt.Errorf("opening the binary: %w", err)
	}
	defer func() { _ = binary.Close() }() // opened for reading only
	if want := machines[architectures[0]]; binary.Machine != want {
		return fmt.Errorf("%s is built for %v, want %s as in the template", path, binary.Machine, architectures[0])
	}
	if slices.ContainsFunc(binary.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC }) {
		return fmt.Errorf("%s is dynamically linked; build it with CGO_ENABLED=0", path)
	}
	return nil
}
