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

// process is one execution environment: a process of the function with its own Runtime API. Processes cannot share one,
// because AWS_LAMBDA_RUNTIME_API is an address without a path, which could not distinguish them.
type process struct {
	function *function
	child    *child.Process
	api      *runtimeAPI
	server   *http.Server
	output   [2]*linelog.Writer // standard output and standard error
	stopping atomic.Bool        // the host is stopping the process because the host closes
	ended    chan struct{}      // closed when the process and its Runtime API have ended
}

// newProcess starts a process and its Runtime API. The caller must call awaitEnd.
func newProcess(f *function) (*process, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("opening a port for the Runtime API: %w", err)
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
	go func() { _ = p.server.Serve(listener) }() // ends with ErrServerClosed in awaitEnd
	return p, nil
}

// awaitInit waits until a new process requests its first event.
func (p *process) awaitInit(limit time.Duration) error {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	var failure error
	select {
	case <-p.api.ready:
		return nil
	case report := <-p.api.initError:
		failure = reportedError(report)
	case <-p.ended:
		failure = p.endError("before it requested an event")
	case <-timer.C:
		failure = platformError(typeTimeout, "process %d did not request an event within %v", p.child.Pid(), limit)
	}
	if !errors.Is(failure, ErrClosed) {
		p.function.platform.log.Host("%s: INIT failed: %v", p.function.label, failure)
	}
	p.kill()
	return failure
}

// handle passes the event to the process, which must be waiting for one, and completes the event in every case. accepted is
// false if the process had ended before it received the event. reusable means that the process waits for the next event, stopped.
func (p *process) handle(event *invocation) (reusable, accepted bool) {
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
	case <-timer.C: // the process no longer waits for an event
		p.timeOut(event, limit)
		return false, true
	}
	select {
	case <-p.api.ready:
		// As in Lambda, the process is frozen at its next request and not at its response.
		event.fail(platformError(typeExit, "process %d requested another event without a response to this one", p.child.Pid()))
		_ = p.child.Signal(syscall.SIGSTOP) // fails if the process has just ended, which the next event detects
		return true, true
	case <-p.ended:
		event.fail(p.endError("before it responded"))
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

// awaitEnd waits until the process has ended, stops its Runtime API, and flushes its output.
func (p *process) awaitEnd() {
	<-p.child.Done()
	_ = p.server.Close() // its only client has ended
	for _, output := range p.output {
		output.Flush()
	}
	if !p.stopping.Load() {
		p.function.platform.log.Host("%s: process %d ended: %s", p.function.label, p.child.Pid(), p.status())
	}
}

// endError returns the error for an event to which a process did not respond before it ended.
func (p *process) endError(when string) error {
	if p.stopping.Load() {
		return ErrClosed
	}
	return platformError(typeExit, "process %d ended %s: %s", p.child.Pid(), when, p.status())
}

// status returns how the process ended, as in "signal: killed".
func (p *process) status() string {
	if err := p.child.Err(); err != nil {
		return err.Error()
	}
	return "exit status 0"
}

// kill kills the process, as Lambda does, and waits for its end.
func (p *process) kill() {
	_ = p.child.Signal(syscall.SIGKILL) // fails only if the process has ended
	<-p.ended
}

// stop stops the process because the host closes.
func (p *process) stop(grace time.Duration) {
	p.stopping.Store(true)
	p.child.Stop(grace)
}
