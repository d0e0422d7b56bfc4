//go:build unix && (!linux || guard)

package child

import (
	"fmt"
	"os/exec"
	"strconv"
	"syscall"
)

// guardScript waits for the end of its standard input and then kills the process group $1. Only this process has the other
// end of the pipe, and the kernel closes it when this process ends for any reason.
const guardScript = `read -r _; kill -s KILL -- "-$1"`

// startBound starts cmd and kills it when this process ends. It uses a guard process, because systems other than Linux
// have no parent death signal. The build tag "guard" selects this implementation on Linux, for tests.
func startBound(cmd *exec.Cmd) (release func(), err error) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	// In the group of this process, the guard would end before this process at Ctrl-C.
	guard := exec.Command("/bin/sh", "-c", guardScript, "guard", strconv.Itoa(cmd.Process.Pid))
	guard.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	pipe, err := guard.StdinPipe()
	if err == nil {
		err = guard.Start()
	}
	if err != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
		return nil, fmt.Errorf("starting the guard process: %w", err)
	}
	return func() {
		// The guard must end before the pipe closes, because the system may have reused the id of the group.
		_ = guard.Process.Kill()
		_ = guard.Wait()
		_ = pipe.Close()
	}, nil
}
