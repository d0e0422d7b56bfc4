package child_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"latchkey/infra/local/child"
	"latchkey/infra/testkit"
)

// parentVariable makes the test binary a parent process: it starts the script in the variable, prints the pid of that
// child, and waits.
const parentVariable = "CHILD_TEST_PARENT_OF"

func TestMain(m *testing.M) {
	if script := os.Getenv(parentVariable); script != "" {
		parent(script)
	}
	os.Exit(m.Run())
}

func parent(script string) {
	p, err := child.Start(exec.Command("/bin/sh", "-c", script))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(p.Pid())
	<-p.Done()
	os.Exit(0)
}

func TestChildDiesWithItsParent(t *testing.T) {
	for name, tc := range map[string]struct {
		script string
		signal syscall.Signal
	}{
		"parent killed":                          {"exec sleep 60", syscall.SIGKILL},
		"parent terminated":                      {"exec sleep 60", syscall.SIGTERM},
		"parent killed, child stopped":           {"kill -STOP $$; exec sleep 60", syscall.SIGKILL},
		"parent killed, child ignores SIGTERM":   {"trap '' TERM; exec sleep 60", syscall.SIGKILL},
		"parent crashed, as by a fault in cgo":   {"exec sleep 60", syscall.SIGSEGV},
		"parent quit, with the runtime's traces": {"exec sleep 60", syscall.SIGQUIT},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), parentVariable+"="+tc.script)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			line, err := bufio.NewReader(out).ReadString('\n')
			if err != nil {
				t.Fatalf("reading the child's pid: %v", err)
			}
			pid, err := strconv.Atoi(strings.TrimSpace(line))
			if err != nil {
				t.Fatal(err)
			}
			if !alive(pid) {
				t.Fatalf("child %d ended before its parent", pid)
			}
			if err := cmd.Process.Signal(tc.signal); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait() // the status is the signal that was sent
			testkit.Eventually(t, fmt.Sprintf("the end of child %d", pid), func() bool { return !alive(pid) })
		})
	}
}

func TestStop(t *testing.T) {
	for name, tc := range map[string]struct {
		script string
		grace  time.Duration
		signal syscall.Signal
	}{
		"ends at SIGTERM":                     {"exec sleep 60", 20 * time.Second, syscall.SIGTERM},
		"a stopped process continues":         {"kill -STOP $$; exec sleep 60", 20 * time.Second, syscall.SIGTERM},
		"SIGTERM ignored: killed":             {"trap '' TERM; echo; exec sleep 60", 100 * time.Millisecond, syscall.SIGKILL},
		"SIGTERM ignored and stopped: killed": {"trap '' TERM; echo; kill -STOP $$; exec sleep 60", 100 * time.Millisecond, syscall.SIGKILL},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, tc.script)
			p.Stop(tc.grace)
			select {
			case <-p.Done():
			default:
				t.Fatal("Stop returned before the process had ended")
			}
			var exit *exec.ExitError
			if !errors.As(p.Err(), &exit) {
				t.Fatalf("Err() = %v, want an exit error", p.Err())
			}
			if got := exit.Sys().(syscall.WaitStatus).Signal(); got != tc.signal {
				t.Errorf("script %q: got end by %v, want %v", tc.script, got, tc.signal)
			}
			p.Stop(tc.grace) // must return at once
			if err := p.Signal(syscall.SIGCONT); !errors.Is(err, os.ErrProcessDone) {
				t.Errorf("Signal after the end: got %v, want %v", err, os.ErrProcessDone)
			}
		})
	}
}

// The parent death signal depends on the thread that forked, and Go ends the thread of a locked goroutine that returns.
func TestChildOutlivesTheGoroutineThatStartedIt(t *testing.T) {
	for range 20 {
		started := make(chan *child.Process)
		go func() { started <- startLocked(t) }()
		p := <-started
		time.Sleep(5 * time.Millisecond)
		select {
		case <-p.Done():
			t.Fatalf("the child ended with its goroutine: %v", p.Err())
		default:
			p.Stop(time.Second)
		}
	}
}

func TestErr(t *testing.T) {
	for script, want := range map[string]string{"exit 0": "<nil>", "exit 3": "exit status 3", "kill -9 $$": "signal: killed"} {
		t.Run(script, func(t *testing.T) {
			p := start(t, script)
			<-p.Done()
			if got := fmt.Sprint(p.Err()); got != want {
				t.Errorf("Err() = %s, want %s", got, want)
			}
		})
	}
}

func TestStartErrorNamesTheMissingProgram(t *testing.T) {
	_, err := child.Start(exec.Command("/nonexistent/program"))
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "starting /nonexistent/program") {
		t.Errorf("got error %v, want starting /nonexistent/program: %v", err, os.ErrNotExist)
	}
}
