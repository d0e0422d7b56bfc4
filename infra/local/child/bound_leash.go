//go:build unix && (!linux || leash)

package child

import (
	"fmt"
	"os/exec"
	"strconv"
	"syscall"
)

// leash waits for the end of its standard input, which only this process holds open, and kills the group $1. The kernel closes
// the pipe however this process ends.
const leash = `read -r _; kill -s KILL -- "-$1"`

// startBound binds the child to this process by a leash: systems other than Linux have no parent death signal. The build tag
// "leash" brings it to Linux, for its tests.
func startBound(cmd *exec.Cmd) (release func(), err error) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	// A group of its own for the leash as well, or the Ctrl-C that ends this process would end the leash first.
	guard := exec.Command("/bin/sh", "-c", leash, "leash", strconv.Itoa(cmd.Process.Pid))
	guard.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	pipe, err := guard.StdinPipe()
	if err == nil {
		err = guard.Start()
	}
	if err != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
		return nil, fmt.Errorf("leash: %w", err)
	}
	return func() {
		// Killed before the pipe closes: the group's id may belong to somebody else by now.
		_ = guard.Process.Kill()
		_ = guard.Wait()
		_ = pipe.Close()
	}, nil
}
