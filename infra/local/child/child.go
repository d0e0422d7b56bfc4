// Package child starts processes that do not outlive this one. The local host runs engines, a mail server and the
// processes of functions. None of them may remain after Ctrl-C, or after SIGKILL of the host.
//
// It does not restart processes. It also does not isolate them: descendants of a child receive the signals of Stop while
// they stay in its process group, but on Linux they can outlive this process if it is killed.
package child

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// outputDelay limits how long Done waits, after the exit, for output that a descendant of the child keeps open.
const outputDelay = time.Second

// Process is a child process. Its methods are safe for concurrent use.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error // written before done is closed
}

// Start starts cmd as the leader of a new process group. A Ctrl-C at the terminal therefore reaches only this process,
// which then stops its children in order. The kernel or a guard process kills the child when this process ends for any
// reason. The caller must not use cmd afterwards. The error wraps that of exec.Cmd.Start and names the program.
func Start(cmd *exec.Cmd) (*Process, error) {
	if cmd.WaitDelay == 0 {
		cmd.WaitDelay = outputDelay
	}
	release, err := startBound(cmd)
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", cmd.Path, err)
	}
	p := &Process{cmd: cmd, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		release()
		close(p.done)
	}()
	return p, nil
}

// Pid returns the process id, which is also the id of the process group.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Done returns a channel that is closed when the process has ended and its output has been read.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err returns nil for exit status 0 and an *exec.ExitError for any other status or a signal. It is nil before Done.
func (p *Process) Err() error {
	select {
	case <-p.done:
		return p.err
	default:
		return nil
	}
}

// Signal sends sig to the process, but not to its group. It returns os.ErrProcessDone after the process has ended.
func (p *Process) Signal(sig os.Signal) error { return p.cmd.Process.Signal(sig) }

// Stop sends SIGTERM to the process group, then SIGCONT in case it is stopped, and SIGKILL after grace. It returns when
// the process has ended. It does nothing if the process has already ended.
func (p *Process) Stop(grace time.Duration) {
	p.signalGroup(syscall.SIGTERM)
	p.signalGroup(syscall.SIGCONT)
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
		p.signalGroup(syscall.SIGKILL)
		<-p.done
	}
}

// signalGroup ignores the error of kill, which can only mean that the group is empty.
func (p *Process) signalGroup(sig syscall.Signal) {
	select {
	case <-p.done: // the system may have reused the id
	default:
		_ = syscall.Kill(-p.Pid(), sig)
	}
}
