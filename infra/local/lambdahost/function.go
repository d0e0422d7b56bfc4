package lambdahost

import (
	"context"
	"path/filepath"
	"slices"
	"sync"

	"latchkey/infra/local/template"
)

// function is a function with its processes. A slot is the right to have a process handle an event; since an idle process is
// taken before a new one is started, there are never more processes than slots.
type function struct {
	template.Function
	platform *platform
	binary   string
	label    string // its folder's name, which stands before its log lines
	slots    chan struct{}

	mu      sync.Mutex
	closed  bool
	idle    []*process // most recently used last
	all     []*process // oldest first
	running sync.WaitGroup
}

func newFunction(platform *platform, declared template.Function, binary string, maxProcesses int) *function {
	return &function{
		Function: declared,
		platform: platform,
		binary:   binary,
		label:    filepath.Base(binary),
		slots:    make(chan struct{}, maxProcesses),
	}
}

// invoke waits for a slot and has a process handle the event.
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
	case <-event.settled:
		return event.answer, event.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// begin hands the event to a goroutine that holds the slot until the process is done with it, which is
// longer than the caller waits. It is false after close.
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

// handle gives the event to the idle process used last, or else to a new one. An idle process may have ended without our
// notice; then it has not seen the event, and the next one gets it.
func (f *function) handle(event *invocation) {
	for p := f.takeIdle(); p != nil; p = f.takeIdle() {
		if reusable, taken := p.handle(event); taken {
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
	reusable, taken := p.handle(event)
	if !taken {
		event.fail(p.endError("before its first event"))
	}
	f.release(p, reusable)
}

func (f *function) takeIdle() *process {
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

// start starts a process and counts it until it has ended.
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
		f.forget(p)
		close(p.ended)
	})
	return p, nil
}

// release makes a process idle if it has asked for its next event.
func (f *function) release(p *process, reusable bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if reusable && slices.Contains(f.all, p) { // else it has ended since
		f.idle = append(f.idle, p)
	}
}

// forget drops a process that has ended.
func (f *function) forget(p *process) {
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

// ARN is the function's made-up ARN.
func (f *function) ARN() string { return template.FunctionARN(f.Name) }

// close ends all processes and waits for them and for the invocations under way.
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
