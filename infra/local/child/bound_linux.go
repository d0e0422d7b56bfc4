//go:build linux && !guard

package child

import (
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

// startBound starts cmd with a parent death signal, so that the kernel kills it when this process ends.
//
// The kernel sends that signal when the *thread* that forked ends, not the process (prctl(2)). Go ends threads at any
// time, so a child started from an arbitrary goroutine could be killed early. All children are therefore forked by one
// goroutine that is locked to its thread and never returns. A parent that ends during the fork is no problem: the Go
// runtime checks in the child that the parent is still the same.
func startBound(cmd *exec.Cmd) (release func(), err error) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	result := make(chan error)
	forker() <- forkRequest{cmd, result}
	return func() {}, <-result
}

// forkRequest is a request to start cmd. The error of its start is sent to result.
type forkRequest struct {
	cmd    *exec.Cmd
	result chan<- error
}

// forker returns the channel of requests to the goroutine that starts all children. The first call starts the goroutine.
var forker = sync.OnceValue(func() chan<- forkRequest {
	requests := make(chan forkRequest)
	go func() {
		runtime.LockOSThread()
		for request := range requests {
			request.result <- request.cmd.Start()
		}
	}()
	return requests
})
