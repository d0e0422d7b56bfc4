package sam

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"latchkey/infra/local/docker"
	"latchkey/infra/local/linelog"
	"latchkey/infra/local/stack"
	"latchkey/infra/local/template"
)

// prepare returns the files of prepare for the template in testdata, with endpoint as SES_ENDPOINT.
func prepare(t *testing.T, architecture, endpoint string) (folder string, text []byte, variables map[string]map[string]string) {
	t.Helper()
	loaded, err := template.Load("testdata/template.yaml", map[string]string{"SES_ENDPOINT": endpoint})
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "echo"), []byte("a program"), 0o700); err != nil {
		t.Fatal(err)
	}
	folder = filepath.Join(bin, "sam")
	r := &running{log: linelog.New(t.Output()), network: &docker.Network{}}
	if err := r.prepare(stack.Job{Template: loaded, BinDir: bin}, folder, architecture); err != nil {
		t.Fatal(err)
	}
	if text, err = os.ReadFile(filepath.Join(folder, templateFile)); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(filepath.Join(folder, variablesFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(file, &variables); err != nil {
		t.Fatal(err)
	}
	return folder, text, variables
}

// TestTheDerivedTemplate reads the derived template with package template.
func TestTheDerivedTemplate(t *testing.T) {
	for goarch, name := range map[string]string{"amd64": "x86_64", "arm64": "arm64"} {
		folder, text, _ := prepare(t, goarch, "")
		derived, err := template.Load(filepath.Join(folder, templateFile), nil)
		if err != nil {
			t.Fatal(err)
		}
		echo := derived.Functions[0]
		if echo.Folder != filepath.Join(folder, "Echo") || len(echo.Routes) != 2 {
			t.Errorf("%s: got function %+v, want its own folder and 2 routes", goarch, echo)
		}
		if program, err := os.ReadFile(filepath.Join(echo.Folder, "bootstrap")); err != nil || string(program) != "a program" {
			t.Errorf("%s: got program %q, %v; want the binary", goarch, program, err)
		}
		if !strings.Contains(string(text), "- "+name+"\n") || strings.Contains(string(text), "Metadata") {
			t.Errorf("%s: got template\n%s\nwant the architecture %s and no Metadata", goarch, text, name)
		}
	}
}

func TestAddressesWithDockerDesktop(t *testing.T) {
	for endpoint, want := range map[string]string{
		"":                                      "",
		"http://127.0.0.1:8005":                 "http://host.docker.internal:8005",
		"http://localhost:8005":                 "http://host.docker.internal:8005",
		"https://email.us-east-1.amazonaws.com": "https://email.us-east-1.amazonaws.com",
		"http://another machine, which is no URL:": "http://another machine, which is no URL:",
	} {
		if _, _, variables := prepare(t, "amd64", endpoint); variables["Echo"]["SES_ENDPOINT"] != want {
			t.Errorf("SES_ENDPOINT %q: got %q, want %q", endpoint, variables["Echo"]["SES_ENDPOINT"], want)
		}
	}
}

func TestSAMGetsNoAWSSettingsOfTheCaller(t *testing.T) {
	got := samEnvironment([]string{"PATH=/bin", "AWS_PROFILE=prod", "AWS_SECRET_ACCESS_KEY=real", "AWS_SESSION_TOKEN=real"}, "unix:///x")
	for _, entry := range got {
		if strings.Contains(entry, "real") || strings.Contains(entry, "prod") {
			t.Errorf("got %s, want no setting of the caller's AWS", entry)
		}
	}
	for _, want := range []string{"PATH=/bin", "DOCKER_HOST=unix:///x", "AWS_ACCESS_KEY_ID=local"} {
		if !slices.Contains(got, want) {
			t.Errorf("got environment %q, want %s in it", got, want)
		}
	}
}
