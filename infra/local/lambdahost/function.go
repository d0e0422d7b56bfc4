package lambdahost

import (
	"context"
	"path/filepath"
	"slices"
	"sync"

	"latchkey/infra/local/template"
)

// function is a function with its processes. An event needs a slot to be handled by a process. The number of slots also limits
// the number of processes, because a process is started only if none is idle.
type function struct {
	template.Function
	platform *platform
	binary   string
	label    string // name of its folder, which precedes its log lines
	slots    chan struct{}

	mu      sync.Mutex
	closed  bool
	idle    []*process // most recently used last
	all     []*process // oldest first
	running sync.WaitGroup
}

func newFunction(platform *platform, definition template.Function, binary string, maxProcesses int) *function {
	return &function{
		Function: definition,
		platform: platform,
		binary:   binary,
		label:    filepath.Base(binary),
		slots:    make(chan struct{}, maxProcesses),
	}
}

// invoke waits for a slot and for the result of a process.
func (f *function) invoke(ctx context.Context, payload []byte) ([]byte, error) {
	select {
	case f.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	event := newInvocation(payload)
	if !f.begin(event) {
		<-f.slots
		return nil, ErrClosed
	}
	select {
	case <-event.done:
		return event.result, event.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// begin handles the event in a goroutine that keeps the slot until the process is ready again. The caller of invoke gets the
// result earlier. begin returns false after close.
func (f *function) begin(event *invocation) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false
	}
	f.running.Go(func() {
		defer func() { <-f.slots }()
		f.handle(event)
	})
	return true
}

// handle passes the event to the most recently used idle process, or else to a new one. If an idle process has ended in the
// meantime, it has not received the event, and handle uses the next one.
func (f *function) handle(event *invocation) {
	for p := f.popIdle(); p != nil; p = f.popIdle() {
		if reusable, accepted := p.handle(event); accepted {
			f.release(p, reusable)
			return
		}
	}
	p, err := f.start()
	if err == nil {
		err = p.awaitInit(f.platform.initLimit)
	}
	if err != nil {
		event.fail(err)
		return
	}
	reusable, accepted := p.handle(event)
	if !accepted {
		event.fail(p.endError("before its first event"))
	}
	f.release(p, reusable)
}

func (f *function) popIdle() *process {
	f.mu.Lock()
	defer f.mu.Unlock()
	last := len(f.idle) - 1
	if last < 0 {
		return nil
	}
	p := f.idle[last]
	f.idle = f.idle[:last]
	return p
}

// start starts a process. The process is in f.all until it has ended.
func (f *function) start() (*process, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, ErrClosed
	}
	p, err := newProcess(f)
	if err != nil {
		f.platform.log.Host("%s: %v", f.label, err)
		return nil, platformError(typeExit, "%v", err)
	}
	f.all = append(f.all, p)
	f.running.Go(func() {
		p.awaitEnd()
		f.remove(p)
		close(p.ended)
	})
	return p, nil
}

// release makes a reusable process idle.
func (f *function) release(p *process, reusable bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if reusable && slices.Contains(f.all, p) { // it may have ended in the meantime
		f.idle = append(f.idle, p)
	}
}

// remove removes a process that has ended.
func (f *function) remove(p *process) {
	f.mu.Lock()
	defer f.mu.Unlock()
	same := func(other *process) bool { return other == p }
	f.idle = slices.DeleteFunc(f.idle, same)
	f.all = slices.DeleteFunc(f.all, same)
}

func (f *function) pids() []int {
	f.mu.Lock()
	defer f.mu.Unlock()
	pids := make([]int, len(f.all))
	for i, p := range f.all {
		pids[i] = p.child.Pid()
	}
	return pids
}

// ARN returns the ARN of the function in the local account.
func (f *function) ARN() string { return template.FunctionARN(f.Name) }

// close stops all processes and waits for them and for the invocations in progress.
func (f *function) close() {
	f.mu.Lock()
	f.closed = true
	all := slices.Clone(f.all)
	f.mu.Unlock()
	for _, p := range all {
		f.running.Go(func() { p.stop(f.platform.stopGrace) })
	}
	f.running.Wait()
}
