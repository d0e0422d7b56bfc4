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
	"latchkey/infra/testkit"
)

func TestProcessesScaleOutToTheLimit(t *testing.T) {
	const limit = 4
	host := startHost(t, limit)
	pids := make([]int, 32)
	var all sync.WaitGroup
	for i := range pids {
		all.Go(func() { pids[i] = host.pid(30) })
	}
	all.Wait()
	slices.Sort(pids)
	if got := slices.Compact(pids); len(got) != limit || got[0] == 0 {
		t.Errorf("32 events at once: got processes %v, want %d", got, limit)
	}
	if got := host.Processes()["Probe"]; len(got) != limit {
		t.Errorf("afterwards: got processes %v, want %d", got, limit)
	}
}

func TestMostRecentlyUsedIdleProcessIsReused(t *testing.T) {
	host := startHost(t, 4)
	var slow, fast int
	var both sync.WaitGroup
	both.Go(func() { slow = host.pid(600) })
	both.Go(func() { fast = host.pid(50) })
	both.Wait()
	if slow == fast {
		t.Fatalf("process %d handled two events at once", slow)
	}
	testkit.Eventually(t, "two idle processes", func() bool { return idle(host, 2) })
	for range 3 {
		if got := host.pid(0); got != slow {
			t.Errorf("got process %d, want %d, the most recently used", got, slow)
		}
		testkit.Eventually(t, "two idle processes", func() bool { return idle(host, 2) })
	}
}

// idle reports whether exactly count processes of the probe wait for an event.
func idle(host *testHost, count int) bool {
	probe := host.functions["Probe"]
	probe.mu.Lock()
	defer probe.mu.Unlock()
	return len(probe.idle) == count
}

func TestWorkAfterTheResponseWaitsForTheNextEvent(t *testing.T) {
	host := startHost(t, 1)
	file := filepath.Join(t.TempDir(), "written")
	if status, body := host.get("/later?file=" + url.QueryEscape(file)); status != http.StatusOK {
		t.Fatalf("GET /later: got %d %s, want 200", status, body)
	}
	time.Sleep(300 * time.Millisecond)
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("file after the response: got %v, want %v", err, os.ErrNotExist)
	}
	host.pid(200)
	if _, err := os.Stat(file); err != nil {
		t.Errorf("file after the next event: got %v, want nil", err)
	}
}

func TestFunctionHasOnlyItsOwnEnvironment(t *testing.T) {
	t.Setenv("SECRET_OF_THE_HOST", "x")
	host := startHost(t, 1)
	_, body := host.get("/environ")
	got := make(map[string]string)
	for line := range strings.SplitSeq(body, "\n") {
		name, value, _ := strings.Cut(line, "=")
		got[name] = value
	}
	want := []string{
		"AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_NAME",
		"AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME",
		"AWS_LAMBDA_LOG_STREAM_NAME", "AWS_LAMBDA_RUNTIME_API", "AWS_REGION", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
		"LAMBDA_TASK_ROOT", "LANG", "PATH", "SETTING", "TZ", "_HANDLER", "_X_AMZN_TRACE_ID", // the runtime library sets the last one
	}
	if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names, want) {
		t.Errorf("got  %q\nwant %q", names, want)
	}
	for name, value := range map[string]string{
		"SETTING": "value", "AWS_LAMBDA_FUNCTION_NAME": "Probe", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256", "_HANDLER": "bootstrap",
	} {
		if got[name] != value {
			t.Errorf("%s: got %q, want %q", name, got[name], value)
		}
	}
}

func TestContextOfAnEvent(t *testing.T) {
	host := startHost(t, 1)
	_, body := host.get("/context")
	var got struct {
		ID, ARN, Trace string
		Deadline       float64
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	if want := "arn:aws:lambda:us-east-1:123456789012:function:Probe"; got.ARN != want || len(got.ID) != 36 {
		t.Errorf("got %+v, want the ARN %s and an id of 36 characters", got, want)
	}
	if !strings.HasPrefix(got.Trace, "Root=1-") || got.Deadline < 5 || got.Deadline > 10 {
		t.Errorf("got %+v, want a trace and a deadline 10 s ahead", got)
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
	if got := counts["probe | first line\n"]; got != 8 {
		t.Errorf("got the first line %d times, want 8: %q", got, host.log.lines)
	}
	for i := range 8 {
		if got := counts[fmt.Sprintf("probe | second %d\n", i)]; got != 1 {
			t.Errorf("got the second line of event %d %d times, want once", i, got)
		}
	}
}

func TestCloseEndsAllProcesses(t *testing.T) {
	host := startHost(t, 4)
	host.pid(0)
	testkit.Eventually(t, "an idle process", func() bool { return idle(host, 1) })
	errs := make(chan error)
	for range 2 { // one uses the idle process, the other a new one
		go func() {
			_, err := host.Invoke(context.Background(), "Probe", []byte(`{"rawPath":"/pid","queryStringParameters":{"ms":"9000"}}`))
			errs <- err
		}()
	}
	testkit.Eventually(t, "two processes", func() bool { return len(host.Processes()["Probe"]) == 2 })
	pids := host.Processes()["Probe"]
	host.Close()
	for range 2 {
		if err := <-errs; !errors.Is(err, ErrClosed) {
			t.Errorf("invocation in progress: got %v, want %v", err, ErrClosed)
		}
	}
	for _, pid := range pids {
		if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("signal to process %d: got %v, want %v", pid, err, syscall.ESRCH)
		}
	}
	if _, err := host.Invoke(t.Context(), "Probe", nil); !errors.Is(err, ErrClosed) {
		t.Errorf("invocation after Close: got %v, want %v", err, ErrClosed)
	}
}

func TestInvocationContinuesWithoutTheCaller(t *testing.T) {
	host := startHost(t, 1)
	before := host.pid(0)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	payload := []byte(`{"rawPath":"/pid","queryStringParameters":{"ms":"300"}}`)
	if _, err := host.Invoke(ctx, "Probe", payload); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v, want %v", err, context.DeadlineExceeded)
	}
	if after := host.pid(0); after != before {
		t.Errorf("next event: got process %d, want %d as before", after, before)
	}
}

func TestStartRefusesFunctionWithoutBinary(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "hasty"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		function template.Function
		want     string
	}{
		"absent":         {functions[0], "function Probe: the binary " + filepath.Join(dir, "probe") + " does not exist"},
		"not executable": {functions[1], "function Hasty: " + filepath.Join(dir, "hasty") + " is not an executable file"},
	} {
		t.Run(name, func(t *testing.T) {
			listener := listen(t)
			defer listener.Close()
			app := &template.Template{Functions: []template.Function{test.function}}
			_, err := Start(t.Context(), Options{Template: app, BinDir: dir, Listener: listener, Log: io.Discard})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestEndOfTheContextClosesTheHost(t *testing.T) {
	dir, err := binDir()
	if err != nil {
		t.Fatal(err)
	}
	listener := listen(t)
	ctx, cancel := context.WithCancel(t.Context())
	host, err := Start(ctx, Options{Template: &template.Template{Functions: functions}, BinDir: dir, Listener: listener, Log: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := host.Invoke(ctx, "Probe", []byte(`{"rawPath":"/pid"}`)); err != nil {
		t.Fatal(err)
	}
	cancel()
	testkit.Eventually(t, "no process", func() bool { return len(host.Processes()["Probe"]) == 0 })
	testkit.Eventually(t, "a closed port", func() bool {
		connection, err := net.Dial("tcp", listener.Addr().String())
		if err == nil {
			_ = connection.Close()
		}
		return err != nil
	})
}
