package lambdahost

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/infra/local/linelog"
	"latchkey/infra/local/template"
)

// The functions of the tests are one binary under several names.
var functions = []template.Function{
	{
		Name: "Probe", Folder: "functions/probe", Handler: "bootstrap", Timeout: 10 * time.Second, MemoryMB: 256,
		Environment: map[string]string{"SETTING": "value"},
		Routes:      []template.Route{{Method: "ANY", Path: template.DefaultPath}},
	},
	{
		Name: "Hasty", Folder: "functions/hasty", Timeout: 300 * time.Millisecond,
		Routes: []template.Route{{Method: "GET", Path: "/pid"}},
	},
	{
		Name: "Broken", Folder: "functions/broken", Timeout: time.Second, Environment: map[string]string{"INIT": "exit"},
		Routes: []template.Route{{Method: "GET", Path: "/broken"}},
	},
	{Name: "Reporting", Folder: "functions/reporting", Timeout: time.Second, Environment: map[string]string{"INIT": "report"}},
	{Name: "Mute", Folder: "functions/mute", Timeout: time.Second, Environment: map[string]string{"INIT": "mute"}},
	{Name: "Stuck", Folder: "functions/stuck", Timeout: time.Second, Environment: map[string]string{"INIT": "hang"}},
}

// binDir holds the probe under the name of each function's folder, built as it would be deployed.
var binDir = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "lambdahost")
	if err != nil {
		return "", err
	}
	madeDir = dir
	probe := filepath.Join(dir, "probe")
	build := exec.Command("go", "build", "-tags=lambda.norpc", "-o", probe, "./testdata/probe")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the probe: %w\n%s", err, output)
	}
	for _, name := range []string{"hasty", "broken", "reporting", "mute", "stuck"} {
		if err := os.Link(probe, filepath.Join(dir, name)); err != nil {
			return "", err
		}
	}
	return dir, nil
})

// madeDir is what binDir has made, if a test needed it.
var madeDir string

func TestMain(m *testing.M) {
	code := m.Run()
	if madeDir != "" {
		_ = os.RemoveAll(madeDir)
	}
	os.Exit(code)
}

// running is a host under test with what it logged.
type running struct {
	*Host
	t   *testing.T
	log *logBuffer
}

// startHost starts a host that the test's end closes.
func startHost(t *testing.T, maxProcesses int) *running {
	t.Helper()
	dir, err := binDir()
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	log := &logBuffer{}
	host, err := start(t.Context(), Options{
		Template: &template.Template{Functions: functions}, BinDir: dir, Listener: listener, Log: log, MaxProcesses: maxProcesses,
	}, &platform{log: linelog.New(log), now: time.Now, initLimit: 5 * time.Second, stopGrace: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(host.Close)
	return &running{Host: host, t: t, log: log}
}

// get asks the HTTP API and returns status and body.
func (r *running) get(path string) (int, string) {
	r.t.Helper()
	response, err := http.Get(r.URL() + path)
	if err != nil {
		r.t.Error(err)
		return 0, ""
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		r.t.Error(err)
	}
	return response.StatusCode, string(body)
}

// pid has the probe's process say its id, after so many milliseconds.
func (r *running) pid(milliseconds int) int {
	r.t.Helper()
	payload := fmt.Appendf(nil, `{"rawPath":"/pid","queryStringParameters":{"ms":"%d"}}`, milliseconds)
	answer, err := r.Invoke(r.t.Context(), "Probe", payload)
	if err != nil {
		r.t.Error(err)
		return 0
	}
	var said struct {
		Body string `json:"body"`
	}
	if err := json.Unmarshal(answer, &said); err != nil {
		r.t.Error(err)
	}
	pid, err := strconv.Atoi(said.Body)
	if err != nil {
		r.t.Error(err)
	}
	return pid
}

// eventually waits for what happens by itself, within seconds even on a loaded machine.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// logBuffer keeps each Write apart, to show that a line is one.
type logBuffer struct {
	mu    sync.Mutex
	lines []string
}

func (b *logBuffer) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = append(b.lines, string(line))
	return len(line), nil
}

func (b *logBuffer) has(part string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.ContainsFunc(b.lines, func(line string) bool { return strings.Contains(line, part) })
}
