//go:build sam

package sam

import (
	"encoding/json"
	"io"
	"maps"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"latchkey/infra/local/lambdahost"
	"latchkey/infra/local/stack"
	"latchkey/infra/local/template"
	"latchkey/infra/testkit"
)

// TestEvents sends the same requests to the same function in the local host and in a container. The function responds with its event.
// The fields in which the events differ must be exactly those that infra/docs/local.md lists.
func TestEvents(t *testing.T) {
	app, err := template.Load("testdata/template.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	binDir := buildEcho(t)
	listener, localURL := listen(t)
	host, err := lambdahost.Start(t.Context(), lambdahost.Options{Template: app, BinDir: binDir, Listener: listener, Log: testLog(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	listener, samURL := listen(t)
	running, err := platform.Start(t.Context(), stack.Job{Template: app, BinDir: binDir, Listener: listener, Log: testLog(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer running.Close()
	differing := map[string]bool{} // fields
	for _, request := range []struct{ method, path, body string }{
		{"POST", "/echo/a%20b?x=1&x=2&y=%C3%A9", `{"é":1}`},
		{"PUT", "/nowhere/at/all", ""},
	} {
		got, want := event(t, samURL, request.method, request.path, request.body), event(t, localURL, request.method, request.path, request.body)
		for _, field := range differences(got, want) {
			differing[field] = true
		}
	}
	if got, want := slices.Sorted(maps.Keys(differing)), documented(t); !slices.Equal(got, want) {
		t.Errorf("got differences in %q\nwant %q, as listed in infra/docs/local.md", got, want)
	}
}

// buildEcho builds the function for this machine, whose platform is also that of the containers, and returns the folder of its binary.
func buildEcho(t *testing.T) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "bin")
	cmd := exec.Command("go", "build", "-tags=lambda.norpc", "-o", filepath.Join(folder, "echo"), "./testdata/echo")
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0")
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building the function: %v: %s", err, output)
	}
	return folder
}

func listen(t *testing.T) (listener net.Listener, base string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener, "http://" + listener.Addr().String()
}

// event makes a request and returns the event that the function received.
func event(t *testing.T, base, method, path, body string) map[string]any {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header = http.Header{
		"Content-Type": {"application/json"}, "Cookie": {"a=1; b=2"}, "X-Twice": {"1", "2"}, "User-Agent": {"agent/1"},
		"X-Forwarded-For": {"192.0.2.1"},
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var e map[string]any
	if err := json.Unmarshal(text, &e); err != nil {
		t.Fatalf("%s %s: got %d %s, want an event in JSON", method, path, response.StatusCode, text)
	}
	return e
}

// variableFields lists fields that differ between any two requests.
var variableFields = []string{
	"requestContext.requestId", "requestContext.time", "headers.host", "headers.x-forwarded-port", "headers.x-amzn-trace-id",
}

// differences returns the fields in which two events differ. It ignores the case of header names, and reports a difference in case as
// the field "headers".
func differences(got, want map[string]any) []string {
	all := map[string]bool{}
	left, right := map[string]any{}, map[string]any{}
	flatten("", got, left, all)
	flatten("", want, right, all)
	var fields []string
	for field := range all {
		if !slices.Contains(variableFields, field) && !reflect.DeepEqual(left[field], right[field]) {
			fields = append(fields, field)
		}
	}
	return fields
}

func flatten(prefix string, object, flat map[string]any, all map[string]bool) {
	for name, value := range object {
		field := prefix + name
		if lower := strings.ToLower(field); prefix == "headers." && lower != field {
			field = lower
			flat["headers"], all["headers"] = "not in lower case", true
		}
		if inner, ok := value.(map[string]any); ok {
			flatten(field+".", inner, flat, all)
			continue
		}
		if number, ok := value.(float64); ok {
			value = int(math.Log10(number)) // compares only the magnitude, because the times of two requests differ
		}
		flat[field], all[field] = value, true
	}
}

// row matches a row of the table.
var row = regexp.MustCompile("(?m)^\\| `([^`]+)` \\|")

// documented returns the fields in the table of infra/docs/local.md, sorted.
func documented(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(testkit.Root(t), "infra/docs/local.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## SAM's events\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var fields []string
	for _, match := range row.FindAllStringSubmatch(section, -1) {
		fields = append(fields, match[1])
	}
	slices.Sort(fields)
	return fields
}
