//go:build linux && !leash

package child

import (
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

// startBound binds the child to this process by the kernel's parent death signal.
//
// That signal comes when the *thread* that forked ends, not the process (prctl(2)). Go ends threads when it likes: a child
// started from any goroutine can be killed in mid-run. So all children are forked by one goroutine that is locked to its thread
// and never returns. The fork itself is safe: the runtime looks in the child whether the parent is still the same one.
func startBound(cmd *exec.Cmd) (release func(), err error) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	answer := make(chan error)
	forker() <- fork{cmd, answer}
	return func() {}, <-answer
}

// fork is the order to start cmd; the outcome goes to answer.
type fork struct {
	cmd    *exec.Cmd
	answer chan<- error
}

// forker is the way to the goroutine that starts all children, which begins with the first of them.
var forker = sync.OnceValue(func() chan<- fork {
	orders := make(chan fork)
	go func() {
		runtime.LockOSThread()
		for order := range orders {
			order.answer <- order.cmd.Start()
		}
	}()
	return orders
})
