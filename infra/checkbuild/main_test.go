package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const source = "package main\n\nfunc main() {}\n"

// withC needs the C library, as the net package does when cgo is on.
const withC = "package main\n\nimport \"C\"\n\nfunc main() {}\n"

func TestCheck(t *testing.T) {
	for name, tc := range map[string]struct {
		globals, own string // Architectures
		source       string
		environment  []string
		want         string // part of the error
	}{
		"static, architecture of its own":     {"[arm64]", "[x86_64]", source, []string{"CGO_ENABLED=0", "GOARCH=amd64"}, ""},
		"static, architecture of the globals": {"[arm64]", "", source, []string{"CGO_ENABLED=0", "GOARCH=arm64"}, ""},
		"other architecture":                  {"[arm64]", "", source, []string{"CGO_ENABLED=0", "GOARCH=amd64"}, "function F: "},
		"no architecture":                     {"", "", source, []string{"CGO_ENABLED=0", "GOARCH=amd64"}, "0 architectures"},
		"linked to the C library":             {"[x86_64]", "", withC, []string{"CGO_ENABLED=1", "GOARCH=amd64"}, "linked dynamically"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			build(t, folder, tc.source, tc.environment)
			template := writeTemplate(t, folder, tc.globals, tc.own)
			err := check(template, folder)
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("error %v, want %q in it", err, tc.want)
			}
		})
	}
}

func TestCheckRefusesWhatWasNotBuilt(t *testing.T) {
	folder := t.TempDir()
	template := writeTemplate(t, folder, "[arm64]", "")
	if err := check(template, folder); err == nil || !strings.Contains(err.Error(), "opening the binary") {
		t.Errorf("error %v", err)
	}
	if err := os.WriteFile(template, []byte("Resources: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := check(template, folder); err == nil {
		t.Error("a template without functions passes")
	}
}

func writeTemplate(t *testing.T, folder, globals, own string) string {
	t.Helper()
	text := fmt.Sprintf(`
Globals: {Function: {Architectures: %s}}
Resources:
  F: {Type: "AWS::Serverless::Function", Properties: {Architectures: %s, Other: !Ref X}}
  T: {Type: "AWS::DynamoDB::Table"}
`, globals, own)
	path := filepath.Join(folder, "template.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func build(t *testing.T, folder, source string, environment []string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "build", "-o", filepath.Join(folder, "F", "bootstrap"), file)
	cmd.Env = append(os.Environ(), append(environment, "GOOS=linux", "GOFLAGS=")...)
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, output)
	}
}
