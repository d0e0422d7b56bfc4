package child_test

import (
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"latchkey/infra/local/child"
)

// start runs script and, if it says so by a line, waits until its traps are set.
func start(t *testing.T, script string) *child.Process {
	t.Helper()
	cmd := exec.Command("/bin/sh", "-c", script)
	ready := make(signalWriter, 1)
	cmd.Stdout = ready
	p, err := child.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Stop(0) })
	if strings.Contains(script, "echo") {
		<-ready
	}
	return p
}

// startLocked starts a child from a goroutine whose thread ends with it.
func startLocked(t *testing.T) *child.Process {
	t.Helper()
	runtime.LockOSThread()
	p, err := child.Start(exec.Command("sleep", "60"))
	if err != nil {
		t.Error(err)
	}
	return p
}

// signalWriter tells its reader that something was written.
type signalWriter chan struct{}

func (w signalWriter) Write(b []byte) (int, error) {
	select {
	case w <- struct{}{}:
	default:
	}
	return len(b), nil
}

// alive asks ps rather than kill(pid, 0): an orphan that nobody has reaped yet is dead for our purpose.
func alive(pid int) bool {
	state, err := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && !strings.HasPrefix(strings.TrimSpace(string(state)), "Z")
}

func eventually(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !happened(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}
