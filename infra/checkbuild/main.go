// Command checkbuild looks at what `sam build` made of template.yaml and refuses a binary that Lambda could not start: one that is
// missing, of another architecture than the template says, or linked to a C library, which Lambda's image has in another version.
// AWS would report each of these only when the function is first called.
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

const built = ".aws-sam/build"

func main() {
	if err := check("template.yaml", built); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// sam is the part of a template that decides what has to be built. A function without Architectures has those of Globals.
type sam struct {
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

// check returns all faults of all functions.
func check(template, folder string) error {
	text, err := os.ReadFile(template)
	if err != nil {
		return fmt.Errorf("reading the template: %w", err)
	}
	var declared sam
	if err := yaml.Unmarshal(text, &declared); err != nil {
		return fmt.Errorf("reading the template: %w", err)
	}
	var faults []error
	functions := 0
	for _, name := range slices.Sorted(maps.Keys(declared.Resources)) {
		resource := declared.Resources[name]
		if resource.Type != "AWS::Serverless::Function" {
			continue
		}
		functions++
		architectures := resource.Properties.Architectures
		if architectures == nil {
			architectures = declared.Globals.Function.Architectures
		}
		if err := checkBinary(filepath.Join(folder, name, "bootstrap"), architectures); err != nil {
			faults = append(faults, fmt.Errorf("function %s: %w", name, err))
		}
	}
	if functions == 0 {
		return fmt.Errorf("%s declares no function", template)
	}
	return errors.Join(faults...)
}

// machines are Lambda's architectures.
var machines = map[string]elf.Machine{"x86_64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}

func checkBinary(path string, architectures []string) error {
	if len(architectures) != 1 {
		return fmt.Errorf("the template gives %d architectures, not one", len(architectures))
	}
	binary, err := elf.Open(path)
	if err != nil {
		return fmt.Errorf("opening the binary: %w", err)
	}
	defer func() { _ = binary.Close() }() // only read
	if want := machines[architectures[0]]; binary.Machine != want {
		return fmt.Errorf("%s is built for %v, the template says %s", path, binary.Machine, architectures[0])
	}
	if slices.ContainsFunc(binary.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC }) {
		return fmt.Errorf("%s is linked dynamically; it must be built with CGO_ENABLED=0", path)
	}
	return nil
}
