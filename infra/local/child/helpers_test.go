package child_test

import (
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"latchkey/infra/local/child"
)

// start starts script. If script contains an echo, start waits for its first output, which means that its traps are set.
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

// startLocked starts a child and locks the goroutine to its thread, which therefore ends with the goroutine.
func startLocked(t *testing.T) *child.Process {
	t.Helper()
	runtime.LockOSThread()
	p, err := child.Start(exec.Command("sleep", "60"))
	if err != nil {
		t.Error(err)
	}
	return p
}

// signalWriter sends a value after the first write.
type signalWriter chan struct{}

func (w signalWriter) Write(b []byte) (int, error) {
	select {
	case w <- struct{}{}:
	default:
	}
	return len(b), nil
}

// alive uses ps instead of kill(pid, 0), because it must report false for a zombie.
func alive(pid int) bool {
	state, err := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && !strings.HasPrefix(strings.TrimSpace(string(state)), "Z")
}
