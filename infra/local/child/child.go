// Package child starts processes that do not outlive this one. The local host runs engines, a mail server and one process per
// function; a developer who presses Ctrl-C, or whose terminal kills the host with SIGKILL, must not have to look for what is left.
//
// It is not a supervisor: nothing is restarted. Nor is it a container: what a child starts itself gets the signals of Stop while it
// stays in the child's process group, but on Linux it is not bound to the life of this process.
package child

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// outputDelay bounds how long Done waits, after the exit, for output that a grandchild may hold open.
const outputDelay = time.Second

// Process is a started child. All methods may be called at any time, from any goroutine.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error // written before done is closed
}

// Start starts cmd as the leader of a process group of its own, so that a Ctrl-C at the terminal reaches only this process,
// which then ends its children in order. The child is killed when this process ends, in whatever way. cmd must not be
// started, and not be used afterwards. The error is that of exec.Cmd.Start, with the program's name.
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

// Pid is the process id, which is the id of the process group too.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended and its output is read.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err tells how the process ended: nil for exit status 0, an *exec.ExitError for another or a signal. It is nil before Done.
func (p *Process) Err() error {
	select {
	case <-p.done:
		return p.err
	default:
		return nil
	}
}

// Signal sends sig to the process alone, not to its group. After the end it is os.ErrProcessDone.
func (p *Process) Signal(sig os.Signal) error { return p.cmd.Process.Signal(sig) }

// Stop asks the process group to end, wakes it if it is stopped, kills it after grace, and returns when it has ended.
// Stopping what has ended does nothing.
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

// signalGroup ignores the kernel's answer: the one failure possible is that nobody is left in the group.
func (p *Process) signalGroup(sig syscall.Signal) {
	select {
	case <-p.done: // the id may belong to somebody else by now
	default:
		_ = syscall.Kill(-p.Pid(), sig)
	}
}
