package lambdahost

import (
	"encoding/json"
	"fmt"
	"net"
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
	"latchkey/infra/testkit/httpclient"
)

// functions are the functions of the tests. All have the same binary.
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

// binDir returns a folder with the probe under the name of each function's folder. The first call builds the probe, as for a
// deployment.
var binDir = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "lambdahost")
	if err != nil {
		return "", err
	}
	tempDir = dir
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

// tempDir is the folder of binDir, or "" if no test used it.
var tempDir string

func TestMain(m *testing.M) {
	code := m.Run()
	if tempDir != "" {
		_ = os.RemoveAll(tempDir)
	}
	os.Exit(code)
}

// testHost is a host under test with its log.
type testHost struct {
	*Host
	t   *testing.T
	log *logBuffer
}

// startHost starts a host until the end of the test.
func startHost(t *testing.T, maxProcesses int) *testHost {
	t.Helper()
	dir, err := binDir()
	if err != nil {
		t.Fatal(err)
	}
	log := &logBuffer{}
	host, err := start(t.Context(), Options{
		Template: &template.Template{Functions: functions}, BinDir: dir, Listener: listen(t), Log: log, MaxProcesses: maxProcesses,
	}, &platform{log: linelog.New(log), now: time.Now, initLimit: 5 * time.Second, stopGrace: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(host.Close)
	return &testHost{Host: host, t: t, log: log}
}

// get makes a request to the HTTP API and returns status and body.
func (h *testHost) get(path string) (int, string) {
	h.t.Helper()
	response, err := httpclient.Client{}.Do(h.t.Context(), "GET", h.URL()+path, "")
	if err != nil {
		h.t.Error(err) // not Fatal, because some tests call get from other goroutines
	}
	return response.Status, response.Body
}

// pid invokes the probe, which returns its process id after that many milliseconds.
func (h *testHost) pid(milliseconds int) int {
	h.t.Helper()
	payload := fmt.Appendf(nil, `{"rawPath":"/pid","queryStringParameters":{"ms":"%d"}}`, milliseconds)
	result, err := h.Invoke(h.t.Context(), "Probe", payload)
	if err != nil {
		h.t.Error(err)
		return 0
	}
	var response struct {
		Body string `json:"body"`
	}
	if err := json.Unmarshal(result, &response); err != nil {
		h.t.Error(err)
	}
	pid, err := strconv.Atoi(response.Body)
	if err != nil {
		h.t.Error(err)
	}
	return pid
}

// listen opens a free port for a host.
func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

// logBuffer stores the text of each Write separately, so that tests can check that each is one line.
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
