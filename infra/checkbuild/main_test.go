package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const pureGo = "package main\n\nfunc main() {}\n"

// cgo links against the C library, as the net package does when cgo is enabled.
const cgo = "package main\n\nimport \"C\"\n\nfunc main() {}\n"

func TestCheck(t *testing.T) {
	for name, tc := range map[string]struct {
		globals, function string // the Architectures of Globals and of the function
		source            string
		environment       []string
		want              string // a part of the error
	}{
		"static, with the function's architecture": {"[arm64]", "[x86_64]", pureGo, []string{"CGO_ENABLED=0", "GOARCH=amd64"}, ""},
		"static, with the global architecture":     {"[arm64]", "", pureGo, []string{"CGO_ENABLED=0", "GOARCH=arm64"}, ""},
		"wrong architecture":                       {"[arm64]", "", pureGo, []string{"CGO_ENABLED=0", "GOARCH=amd64"}, "function F: "},
		"no architecture":                          {"", "", pureGo, []string{"CGO_ENABLED=0", "GOARCH=amd64"}, "0 architectures"},
		"linked against the C library":             {"[x86_64]", "", cgo, []string{"CGO_ENABLED=1", "GOARCH=amd64"}, "dynamically linked"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			build(t, folder, tc.source, tc.environment)
			template := writeTemplate(t, folder, tc.globals, tc.function)
			err := check(template, folder)
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("got error %v, want one that contains %q", err, tc.want)
			}
		})
	}
}

func TestCheckRejectsMissingBinaries(t *testing.T) {
	folder := t.TempDir()
	template := writeTemplate(t, folder, "[arm64]", "")
	if err := check(template, folder); err == nil || !strings.Contains(err.Error(), "opening the binary") {
		t.Errorf("got error %v for a folder without binaries, want one that contains \"opening the binary\"", err)
	}
	if err := os.WriteFile(template, []byte("Resources: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := check(template, folder); err == nil {
		t.Error("got no error for a template without functions, want one")
	}
}

func writeTemplate(t *testing.T, folder, globals, function string) string {
	t.Helper()
	text := fmt.Sprintf(`
Globals: {Function: {Architectures: %s}}
Resources:
  F: {Type: "AWS::Serverless::Function", Properties: {Architectures: %s, Other: !Ref X}}
  T: {Type: "AWS::DynamoDB::Table"}
`, globals, function)
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
