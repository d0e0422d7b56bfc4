package lambdahost

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"latchkey/infra/local/child"
	"latchkey/infra/local/linelog"
)

// process is one execution environment: a process of the function, and a Runtime API that is its alone, since
// AWS_LAMBDA_RUNTIME_API is an address without a path that could tell processes apart.
type process struct {
	function *function
	child    *child.Process
	api      *runtimeAPI
	server   *http.Server
	output   [2]*linelog.Writer // its standard output and error
	stopping atomic.Bool        // the host ends it because the host itself ends
	ended    chan struct{}      // closed when all of it is gone
}

// newProcess starts a process and its Runtime API. Whoever calls it waits for its end by awaitEnd.
func newProcess(f *function) (*process, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("opening a Runtime API: %w", err)
	}
	log := f.platform.log
	p := &process{
		function: f,
		api:      newRuntimeAPI(f.ARN()),
		output:   [2]*linelog.Writer{log.Writer(f.label), log.Writer(f.label)},
		ended:    make(chan struct{}),
	}
	p.server = &http.Server{Handler: p.api.handler(), ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.Logger()}
	cmd := exec.Command(f.binary)
	cmd.Dir = filepath.Dir(f.binary)
	cmd.Env = environment(f.Function, listener.Addr().String(), cmd.Dir)
	cmd.Stdout, cmd.Stderr = p.output[0], p.output[1]
	if p.child, err = child.Start(cmd); err != nil {
		_ = listener.Close()
		return nil, err
	}
	go func() { _ = p.server.Serve(listener) }() // its error is ErrServerClosed, from awaitEnd
	return p, nil
}

// awaitInit waits until a new process asks for its first event.
func (p *process) awaitInit(limit time.Duration) error {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	var failure error
	select {
	case <-p.api.asked:
		return nil
	case report := <-p.api.initError:
		failure = reportedError(report)
	case <-p.ended:
		failure = p.endError("before it asked for an event")
	case <-timer.C:
		failure = platformError(typeTimeout, "process %d did not ask for an event within %v", p.child.Pid(), limit)
	}
	if !errors.Is(failure, ErrClosed) {
		p.function.platform.log.Host("%s: INIT failed: %v", p.function.label, failure)
	}
	p.kill()
	return failure
}

// handle has a process that waits for an event handle this one, and settles the event whatever happens. taken is false if
// the process had ended before it saw the event; reusable says that it waits for the next one, stopped.
func (p *process) handle(event *invocation) (reusable, taken bool) {
	limit := p.function.Timeout
	timer := time.NewTimer(limit)
	defer timer.Stop()
	event.deadline = p.function.platform.now().Add(limit)
	if p.child.Signal(syscall.SIGCONT) != nil {
		<-p.ended
		return false, false
	}
	select {
	case p.api.events <- event:
	case <-p.ended:
		return false, false
	case <-timer.C: // its wait for an event was broken off
		p.timeOut(event, limit)
		return false, true
	}
	select {
	case <-p.api.asked:
		// Lambda freezes here, not at the answer: what runs between the two may end.
		event.fail(platformError(typeExit, "process %d asked for another event without an answer to this one", p.child.Pid()))
		_ = p.child.Signal(syscall.SIGSTOP) // it fails for a process that has just ended; the next event finds that out
		return true, true
	case <-p.ended:
		event.fail(p.endError("before it answered"))
	case <-timer.C:
		p.timeOut(event, limit)
	}
	return false, true
}

func (p *process) timeOut(event *invocation, limit time.Duration) {
	p.function.platform.log.Host("%s: process %d timed out after %v", p.function.label, p.child.Pid(), limit)
	event.fail(platformError(typeTimeout, "timed out after %v", limit))
	p.kill()
}

// awaitEnd waits until the process has ended and cleans up after it.
func (p *process) awaitEnd() {
	<-p.child.Done()
	_ = p.server.Close() // nobody is left to be cut off
	for _, output := range p.output {
		output.Flush()
	}
	if !p.stopping.Load() {
		p.function.platform.log.Host("%s: process %d ended: %s", p.function.label, p.child.Pid(), p.status())
	}
}

// endError is what an event gets that an ended process has not answered.
func (p *process) endError(when string) error {
	if p.stopping.Load() {
		return ErrClosed
	}
	return platformError(typeExit, "process %d ended %s: %s", p.child.Pid(), when, p.status())
}

// status is how an ended process ended, as in "signal: killed".
func (p *process) status() string {
	if err := p.child.Err(); err != nil {
		return err.Error()
	}
	return "exit status 0"
}

// kill ends the process at once, as Lambda does, and waits for it.
func (p *process) kill() {
	_ = p.child.Signal(syscall.SIGKILL) // it fails only for a process that has ended
	<-p.ended
}

// stop ends the process because the host closes.
func (p *process) stop(grace time.Duration) {
	p.stopping.Store(true)
	p.child.Stop(grace)
}
