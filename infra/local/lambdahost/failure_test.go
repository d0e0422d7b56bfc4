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
)

const gatewayFault = `{"message":"Internal Server Error"}`

func TestFailuresAreTheGatewaysAndTheProcessIsReplaced(t *testing.T) {
	tests := map[string]struct {
		path     string
		log      string
		survives bool // the process goes on, as in Lambda after an error that was reported
	}{
		"the process exits":            {"/exit", "ended: exit status 3", false},
		"the handler panics":           {"/panic", "ended: exit status 1", false},
		"the handler returns an error": {"/error", `probe | `, true},
		"the answer is no JSON":        {"/garbage", "its answer is none for an HTTP API", true},
		"the answer is over 6 MB":      {"/big?bytes=6291557", "ended: exit status 1", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			host := startHost(t, 1)
			before := host.pid(0)
			if status, body := host.get(test.path); status != http.StatusInternalServerError || body != gatewayFault {
				t.Errorf("got %d %q", status, body)
			}
			if after := host.pid(0); (after == before) != test.survives {
				t.Errorf("process %d before, %d after", before, after)
			}
			eventually(t, "a line with "+test.log, func() bool { return host.log.has(test.log) })
		})
	}
}

func TestAnAnswerOfSixMegabytesPasses(t *testing.T) {
	host := startHost(t, 1)
	if status, body := host.get("/big?bytes=6291000"); status != http.StatusOK || len(body) != 6291000-2 {
		t.Errorf("got %d with %d bytes", status, len(body))
	}
}

func TestATimeoutEndsTheProcess(t *testing.T) {
	host := startHost(t, 1)
	if status, _ := host.get("/pid"); status != http.StatusOK {
		t.Fatalf("got %d at first", status)
	}
	before := host.Processes()["Hasty"]
	if status, body := host.get("/pid?ms=5000"); status != http.StatusInternalServerError || body != gatewayFault {
		t.Errorf("got %d %q", status, body)
	}
	if status, _ := host.get("/pid"); status != http.StatusOK {
		t.Errorf("got %d afterwards", status)
	}
	if after := host.Processes()["Hasty"]; len(after) != 1 || slices.Equal(before, after) {
		t.Errorf("processes %v before, %v after", before, after)
	}
	if !host.log.has("hasty: process " + strconv.Itoa(before[0]) + " timed out after 300ms") {
		t.Error("the log does not say so")
	}
}

func TestAFailedInitSaysWhy(t *testing.T) {
	host := startHost(t, 1)
	for range 2 { // a second time, since the first must not block anything
		if status, body := host.get("/broken"); status != http.StatusInternalServerError || body != gatewayFault {
			t.Errorf("got %d %q", status, body)
		}
	}
	for _, line := range []string{"broken | a setting is missing\n", "host | broken: INIT failed: Runtime.ExitError: process"} {
		if !host.log.has(line) {
			t.Errorf("the log has no %q", line)
		}
	}
}

func TestAnInitThatHangsIsEnded(t *testing.T) {
	dir, err := binDir()
	if err != nil {
		t.Fatal(err)
	}
	shared := &platform{log: linelog.New(io.Discard), now: time.Now, initLimit: 200 * time.Millisecond, stopGrace: time.Second}
	stuck := newFunction(shared, functions[len(functions)-1], filepath.Join(dir, "stuck"), 1)
	defer stuck.close()
	_, err = stuck.invoke(t.Context(), []byte("{}"))
	if failure, ok := errors.AsType[*FunctionError](err); !ok || failure.Type != typeTimeout {
		t.Errorf("got %v", err)
	}
	if pids := stuck.pids(); len(pids) != 0 {
		t.Errorf("processes %v are left", pids)
	}
}

func TestInvokeTellsErrorsApart(t *testing.T) {
	host := startHost(t, 1)
	tests := map[string]struct{ function, path, kind, payload string }{
		"reported by the function":   {"Probe", "/error", "errorString", `"errorMessage":"on demand"`},
		"reported after a panic":     {"Probe", "/panic", "string", `"errorMessage":"on demand"`},
		"reported in INIT":           {"Reporting", "/", "Settings", `"errorMessage":"one is missing"`},
		"found out by the platform":  {"Probe", "/exit", typeExit, `"errorType":"Runtime.ExitError"`},
		"asks again, answers never":  {"Mute", "/", typeExit, "asked for another event"},
		"of more than six megabytes": {"Probe", "/big\",\"queryStringParameters\":{\"bytes\":\"6291557\"},\"x\":\"", typeTooLarge, "larger than 6291556 bytes"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := host.Invoke(t.Context(), test.function, []byte(`{"rawPath":"`+test.path+`"}`))
			failure, ok := errors.AsType[*FunctionError](err)
			if !ok || failure.Type != test.kind || !bytes.Contains(failure.Payload, []byte(test.payload)) {
				t.Errorf("got %v", err)
			}
		})
	}
	if _, err := host.Invoke(t.Context(), "Nobody", nil); !errors.Is(err, ErrUnknownFunction) {
		t.Errorf("an unknown function: %v", err)
	}
}

func TestAKilledProcessIsReplaced(t *testing.T) {
	host := startHost(t, 2)
	killed := host.pid(0)
	eventually(t, "the process idle", func() bool { return idle(host, 1) })
	if err := syscall.Kill(killed, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the process gone", func() bool { return len(host.Processes()["Probe"]) == 0 })
	if next := host.pid(0); next == killed || next == 0 {
		t.Errorf("process %d after %d", next, killed)
	}
	if !host.log.has(fmt.Sprintf("host | probe: process %d ended: signal: killed", killed)) {
		t.Error("the log does not say so")
	}
}

func TestManyDeathsLeaveNothingBehind(t *testing.T) {
	host := startHost(t, 8)
	host.get("/exit")
	open := openFiles(t)
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for range 8 {
				if status, _ := host.get("/exit"); status != http.StatusInternalServerError {
					t.Errorf("got %d", status)
				}
			}
		})
	}
	all.Wait()
	http.DefaultClient.CloseIdleConnections()
	eventually(t, "all processes forgotten", func() bool { return len(host.Processes()["Probe"]) == 0 })
	eventually(t, "files and sockets closed", func() bool { return openFiles(t) <= open+4 })
	if host.pid(0) == 0 {
		t.Error("128 deaths end the function")
	}
}

// openFiles counts this process's open files.
func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/dev/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
