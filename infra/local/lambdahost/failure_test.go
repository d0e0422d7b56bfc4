package lambdahost

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"latchkey/infra/local/linelog"
	"latchkey/infra/testkit"
)

const gatewayError = `{"message":"Internal Server Error"}`

func TestFailuresOfAProcess(t *testing.T) {
	tests := map[string]struct {
		path     string
		log      string
		survives bool // the process continues, as in Lambda after a reported error
	}{
		"exit":               {"/exit", "ended: exit status 3", false},
		"panic":              {"/panic", "ended: exit status 1", false},
		"error":              {"/error", `probe | `, true},
		"malformed response": {"/garbage", "invalid response for an HTTP API", true},
		"response over 6 MB": {"/big?bytes=6291557", "ended: exit status 1", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			host := startHost(t, 1)
			before := host.pid(0)
			if status, body := host.get(test.path); status != http.StatusInternalServerError || body != gatewayError {
				t.Errorf("GET %s: got %d %q, want 500 %q", test.path, status, body, gatewayError)
			}
			if after := host.pid(0); (after == before) != test.survives {
				t.Errorf("GET %s: got process %d, then %d; want the same one: %v", test.path, before, after, test.survives)
			}
			testkit.Eventually(t, "a log line with "+test.log, func() bool { return host.log.has(test.log) })
		})
	}
}

func TestResponseOfSixMegabytes(t *testing.T) {
	host := startHost(t, 1)
	if status, body := host.get("/big?bytes=6291000"); status != http.StatusOK || len(body) != 6291000-2 {
		t.Errorf("got %d with %d bytes, want 200 with %d", status, len(body), 6291000-2)
	}
}

func TestTimeoutEndsTheProcess(t *testing.T) {
	host := startHost(t, 1)
	if status, _ := host.get("/pid"); status != http.StatusOK {
		t.Fatalf("first request: got %d, want 200", status)
	}
	before := host.Processes()["Hasty"]
	if status, body := host.get("/pid?ms=5000"); status != http.StatusInternalServerError || body != gatewayError {
		t.Errorf("request over the timeout: got %d %q, want 500 %q", status, body, gatewayError)
	}
	if status, _ := host.get("/pid"); status != http.StatusOK {
		t.Errorf("next request: got %d, want 200", status)
	}
	if after := host.Processes()["Hasty"]; len(after) != 1 || slices.Equal(before, after) {
		t.Errorf("got processes %v, then %v; want another one", before, after)
	}
	if want := "hasty: process " + strconv.Itoa(before[0]) + " timed out after 300ms"; !host.log.has(want) {
		t.Errorf("got log %q, want %q in it", host.log.lines, want)
	}
}

func TestFailedInitIsLogged(t *testing.T) {
	host := startHost(t, 1)
	for range 2 { // the first failure must not block the second request
		if status, body := host.get("/broken"); status != http.StatusInternalServerError || body != gatewayError {
			t.Errorf("GET /broken: got %d %q, want 500 %q", status, body, gatewayError)
		}
	}
	for _, want := range []string{"broken | a setting is missing\n", "host | broken: INIT failed: Runtime.ExitError: process"} {
		if !host.log.has(want) {
			t.Errorf("got log %q, want %q in it", host.log.lines, want)
		}
	}
}

func TestInitHasATimeout(t *testing.T) {
	dir, err := binDir()
	if err != nil {
		t.Fatal(err)
	}
	shared := &platform{log: linelog.New(io.Discard), now: time.Now, initLimit: 200 * time.Millisecond, stopGrace: time.Second}
	stuck := newFunction(shared, functions[len(functions)-1], filepath.Join(dir, "stuck"), 1)
	defer stuck.close()
	_, err = stuck.invoke(t.Context(), []byte("{}"))
	if failure, ok := errors.AsType[*FunctionError](err); !ok || failure.Type != typeTimeout {
		t.Errorf("got %v, want %s", err, typeTimeout)
	}
	if pids := stuck.pids(); len(pids) != 0 {
		t.Errorf("got processes %v, want none", pids)
	}
}

func TestErrorsOfInvoke(t *testing.T) {
	host := startHost(t, 1)
	tests := map[string]struct{ function, path, kind, payload string }{
		"error reported by the function": {"Probe", "/error", "errorString", `"errorMessage":"on demand"`},
		"panic reported by the function": {"Probe", "/panic", "string", `"errorMessage":"on demand"`},
		"failed initialization":          {"Reporting", "/", "Settings", `"errorMessage":"one is missing"`},
		"exit":                           {"Probe", "/exit", typeExit, `"errorType":"Runtime.ExitError"`},
		"no response":                    {"Mute", "/", typeExit, "requested another event"},
		"response over six megabytes":    {"Probe", "/big\",\"queryStringParameters\":{\"bytes\":\"6291557\"},\"x\":\"", typeTooLarge, "larger than 6291556 bytes"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := host.Invoke(t.Context(), test.function, []byte(`{"rawPath":"`+test.path+`"}`))
			failure, ok := errors.AsType[*FunctionError](err)
			if !ok || failure.Type != test.kind || !bytes.Contains(failure.Payload, []byte(test.payload)) {
				t.Errorf("%s %s: got %v, want %s with %s", test.function, test.path, err, test.kind, test.payload)
			}
		})
	}
	if _, err := host.Invoke(t.Context(), "Unknown", nil); !errors.Is(err, ErrUnknownFunction) {
		t.Errorf("unknown function: got %v, want %v", err, ErrUnknownFunction)
	}
}

func TestKilledProcessIsReplaced(t *testing.T) {
	host := startHost(t, 2)
	first := host.pid(0)
	testkit.Eventually(t, "an idle process", func() bool { return idle(host, 1) })
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "no process", func() bool { return len(host.Processes()["Probe"]) == 0 })
	if next := host.pid(0); next == first || next == 0 {
		t.Errorf("got process %d, then %d; want another one", first, next)
	}
	if want := fmt.Sprintf("host | probe: process %d ended: signal: killed", first); !host.log.has(want) {
		t.Errorf("got log %q, want %q in it", host.log.lines, want)
	}
}

func TestEndedProcessesReleaseTheirResources(t *testing.T) {
	host := startHost(t, 8)
	host.get("/exit")
	open := openFiles(t)
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for range 8 {
				if status, _ := host.get("/exit"); status != http.StatusInternalServerError {
					t.Errorf("GET /exit: got %d, want 500", status)
				}
			}
		})
	}
	all.Wait()
	http.DefaultClient.CloseIdleConnections()
	testkit.Eventually(t, "no process", func() bool { return len(host.Processes()["Probe"]) == 0 })
	testkit.Eventually(t, "as few open files and sockets as before", func() bool { return openFiles(t) <= open+4 })
	if host.pid(0) == 0 {
		t.Error("after 128 ended processes: got no process, want a new one")
	}
}

// openFiles returns the number of open files of this process.
func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/dev/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
