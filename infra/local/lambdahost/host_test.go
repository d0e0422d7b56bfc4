package lambdahost

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"latchkey/infra/local/template"
)

func TestProcessesScaleOutToTheCap(t *testing.T) {
	const most = 4
	host := startHost(t, most)
	pids := make([]int, 32)
	var all sync.WaitGroup
	for i := range pids {
		all.Go(func() { pids[i] = host.pid(30) })
	}
	all.Wait()
	slices.Sort(pids)
	if used := slices.Compact(pids); len(used) != most || used[0] == 0 {
		t.Errorf("32 events at once were handled by %v, want %d processes", used, most)
	}
	if living := host.Processes()["Probe"]; len(living) != most {
		t.Errorf("processes %v live", living)
	}
}

func TestTheIdleProcessUsedLastIsReused(t *testing.T) {
	host := startHost(t, 4)
	var slow, quick int
	var both sync.WaitGroup
	both.Go(func() { slow = host.pid(600) })
	both.Go(func() { quick = host.pid(50) })
	both.Wait()
	if slow == quick {
		t.Fatalf("process %d handled two events at once", slow)
	}
	eventually(t, "both idle", func() bool { return idle(host, 2) })
	for range 3 {
		if next := host.pid(0); next != slow {
			t.Errorf("process %d was taken, %d was used last", next, slow)
		}
		eventually(t, "both idle", func() bool { return idle(host, 2) })
	}
}

// idle says whether so many processes of the probe wait for an event.
func idle(host *running, count int) bool {
	probe := host.functions["Probe"]
	probe.mu.Lock()
	defer probe.mu.Unlock()
	return len(probe.idle) == count
}

func TestWorkAfterTheAnswerWaitsForTheNextEvent(t *testing.T) {
	host := startHost(t, 1)
	file := filepath.Join(t.TempDir(), "written")
	if status, body := host.get("/later?file=" + url.QueryEscape(file)); status != http.StatusOK {
		t.Fatalf("got %d %s", status, body)
	}
	time.Sleep(300 * time.Millisecond)
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("the process went on after its answer: %v", err)
	}
	host.pid(200)
	if _, err := os.Stat(file); err != nil {
		t.Errorf("the next event did not wake what was left: %v", err)
	}
}

func TestAFunctionSeesOnlyItsOwnEnvironment(t *testing.T) {
	t.Setenv("SECRET_OF_THE_HOST", "x")
	host := startHost(t, 1)
	_, body := host.get("/environ")
	seen := make(map[string]string)
	for line := range strings.SplitSeq(body, "\n") {
		name, value, _ := strings.Cut(line, "=")
		seen[name] = value
	}
	want := []string{
		"AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_NAME",
		"AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME",
		"AWS_LAMBDA_LOG_STREAM_NAME", "AWS_LAMBDA_RUNTIME_API", "AWS_REGION", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
		"LAMBDA_TASK_ROOT", "LANG", "PATH", "SETTING", "TZ", "_HANDLER", "_X_AMZN_TRACE_ID", // the last by the runtime itself
	}
	if names := slices.Sorted(maps.Keys(seen)); !slices.Equal(names, want) {
		t.Errorf("got  %q\nwant %q", names, want)
	}
	for name, value := range map[string]string{
		"SETTING": "value", "AWS_LAMBDA_FUNCTION_NAME": "Probe", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256", "_HANDLER": "bootstrap",
	} {
		if seen[name] != value {
			t.Errorf("%s is %q, want %q", name, seen[name], value)
		}
	}
}

func TestAnEventComesWithItsContext(t *testing.T) {
	host := startHost(t, 1)
	_, body := host.get("/context")
	var about struct {
		ID, ARN, Trace string
		Deadline       float64
	}
	if err := json.Unmarshal([]byte(body), &about); err != nil {
		t.Fatal(err)
	}
	if about.ARN != "arn:aws:lambda:us-east-1:123456789012:function:Probe" || len(about.ID) != 36 {
		t.Errorf("got %+v", about)
	}
	if !strings.HasPrefix(about.Trace, "Root=1-") || about.Deadline < 5 || about.Deadline > 10 {
		t.Errorf("got %+v, want a trace and a deadline 10 s ahead", about)
	}
}

func TestOutputIsLoggedLineByLine(t *testing.T) {
	host := startHost(t, 8)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() { host.get(fmt.Sprintf("/print?ms=50&text=%d", i)) })
	}
	all.Wait()
	host.Close()
	host.log.mu.Lock()
	defer host.log.mu.Unlock()
	counts := make(map[string]int)
	for _, line := range host.log.lines {
		counts[line]++
	}
	if counts["probe | first line\n"] != 8 {
		t.Errorf("lines are mixed up: %q", host.log.lines)
	}
	for i := range 8 {
		if counts[fmt.Sprintf("probe | second %d\n", i)] != 1 {
			t.Errorf("the second line of event %d is missing", i)
		}
	}
}

func TestCloseEndsAllProcesses(t *testing.T) {
	host := startHost(t, 4)
	host.pid(0)
	eventually(t, "the process stopped", func() bool { return idle(host, 1) })
	failed := make(chan error)
	for range 2 { // one takes the stopped process, one a new one
		go func() {
			_, err := host.Invoke(context.Background(), "Probe", []byte(`{"rawPath":"/pid","queryStringParameters":{"ms":"9000"}}`))
			failed <- err
		}()
	}
	eventually(t, "two processes at work", func() bool { return len(host.Processes()["Probe"]) == 2 })
	pids := host.Processes()["Probe"]
	host.Close()
	for range 2 {
		if err := <-failed; !errors.Is(err, ErrClosed) {
			t.Errorf("an invocation under way got %v", err)
		}
	}
	for _, pid := range pids {
		if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("process %d: %v", pid, err)
		}
	}
	if _, err := host.Invoke(t.Context(), "Probe", nil); !errors.Is(err, ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
}

func TestACallerThatLeavesDoesNotEndTheInvocation(t *testing.T) {
	host := startHost(t, 1)
	before := host.pid(0)
	ctx, leave := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer leave()
	payload := []byte(`{"rawPath":"/pid","queryStringParameters":{"ms":"300"}}`)
	if _, err := host.Invoke(ctx, "Probe", payload); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
	if after := host.pid(0); after != before {
		t.Errorf("process %d was replaced by %d", before, after)
	}
}

func TestStartRefusesAFunctionWithoutBinary(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "hasty"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		function template.Function
		want     string
	}{
		"not there":      {functions[0], "function Probe: there is no binary " + filepath.Join(dir, "probe")},
		"not executable": {functions[1], "function Hasty: " + filepath.Join(dir, "hasty") + " is no executable file"},
	} {
		t.Run(name, func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			declared := &template.Template{Functions: []template.Function{test.function}}
			_, err = Start(t.Context(), Options{Template: declared, BinDir: dir, Listener: listener, Log: io.Discard})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}
func TestTheEndOfTheContextClosesTheHost(t *testing.T) {
	dir, err := binDir()
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	declared := &template.Template{Functions: functions}
	host, err := Start(ctx, Options{Template: declared, BinDir: dir, Listener: listener, Log: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := host.Invoke(ctx, "Probe", []byte(`{"rawPath":"/pid"}`)); err != nil {
		t.Fatal(err)
	}
	end()
	eventually(t, "the process ended", func() bool { return len(host.Processes()["Probe"]) == 0 })
	eventually(t, "the port closed", func() bool {
		connection, err := net.Dial("tcp", listener.Addr().String())
		if err == nil {
			_ = connection.Close()
		}
		return err != nil
	})
}
