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

// prepared returns the files of prepare for the template in testdata, with endpoint as SES_ENDPOINT.
func prepared(t *testing.T, architecture, endpoint string) (folder string, text []byte, variables map[string]map[string]string) {
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
		folder, text, _ := prepared(t, goarch, "")
		derived, err := template.Load(filepath.Join(folder, templateFile), nil)
		if err != nil {
			t.Fatal(err)
		}
		echo := derived.Functions[0]
		if echo.Folder != filepath.Join(folder, "Echo") || len(echo.Routes) != 2 {
			t.Errorf("%s: the function is %+v", goarch, echo)
		}
		if program, err := os.ReadFile(filepath.Join(echo.Folder, "bootstrap")); err != nil || string(program) != "a program" {
			t.Errorf("%s: its program is %q, %v", goarch, program, err)
		}
		if !strings.Contains(string(text), "- "+name+"\n") || strings.Contains(string(text), "Metadata") {
			t.Errorf("%s: the template is\n%s", goarch, text)
		}
	}
}

func TestAddressesOfThisMachineAreThoseOfDockerDesktop(t *testing.T) {
	for given, want := range map[string]string{
		"":                                      "",
		"http://127.0.0.1:8005":                 "http://host.docker.internal:8005",
		"http://localhost:8005":                 "http://host.docker.internal:8005",
		"https://email.us-east-1.amazonaws.com": "https://email.us-east-1.amazonaws.com",
		"http://another machine, which is no URL:": "http://another machine, which is no URL:",
	} {
		if _, _, variables := prepared(t, "amd64", given); variables["Echo"]["SES_ENDPOINT"] != want {
			t.Errorf("%q is %q, want %q", given, variables["Echo"]["SES_ENDPOINT"], want)
		}
	}
}

func TestNothingOfTheCallersAWSReachesSAM(t *testing.T) {
	got := samEnvironment([]string{"PATH=/bin", "AWS_PROFILE=prod", "AWS_SECRET_ACCESS_KEY=real", "AWS_SESSION_TOKEN=real"}, "unix:///x")
	for _, entry := range got {
		if strings.Contains(entry, "real") || strings.Contains(entry, "prod") {
			t.Errorf("it has %s", entry)
		}
	}
	for _, needed := range []string{"PATH=/bin", "DOCKER_HOST=unix:///x", "AWS_ACCESS_KEY_ID=local"} {
		if !slices.Contains(got, needed) {
			t.Errorf("it has no %s", needed)
		}
	}
}
