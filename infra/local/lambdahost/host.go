// Package lambdahost runs the functions of a SAM template on this machine as Lambda does, without Docker. It runs their real
// binaries, serves them the Lambda Runtime API, and places them behind an emulated HTTP API of API Gateway.
//
// A process handles one event at a time and starts at first use. It is stopped (SIGSTOP) from its request for the next event
// until that event arrives. Work that a function leaves for after its response is therefore suspended, as in Lambda. If a
// process crashes, exceeds its timeout or fails to start, the caller gets an error and the process is replaced.
//
// The host is not a sandbox. Functions run as the user of the host and can use all CPU and memory. The host does not start
// databases, create tables or read streams. Package streams reads them and calls [Host.Invoke].
package lambdahost

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path"
	"path/filepath"
	"sync"
	"time"

	"latchkey/infra/local/lambdahost/gateway"
	"latchkey/infra/local/linelog"
	"latchkey/infra/local/template"
)

// DefaultMaxProcesses is the limit for the processes of one function if Options does not set one.
const DefaultMaxProcesses = 10

// Options holds the arguments of Start. All fields except MaxProcesses are required.
type Options struct {
	Template *template.Template
	BinDir   string       // contains the binary of each function under the name of its folder
	Listener net.Listener // for the HTTP API; the host closes it
	Log      io.Writer    // gets each line in one call of Write; the calls are not concurrent

	// MaxProcesses limits the processes of each function. Further events wait. 0 selects DefaultMaxProcesses.
	MaxProcesses int
}

// Host runs the functions of a template. Its methods are safe for concurrent use.
type Host struct {
	url       string
	functions map[string]*function // by logical id
	server    *http.Server
	log       *linelog.Log
	closeOnce sync.Once
	serverEnd chan struct{} // closed when the server has ended
}

// Start starts a host that serves the HTTP API until Close or the end of ctx. It does not start any function yet. It returns an
// error if a function has no binary.
func Start(ctx context.Context, options Options) (*Host, error) {
	return start(ctx, options, &platform{
		log:       linelog.New(options.Log),
		now:       time.Now,
		initLimit: 10 * time.Second,
		stopGrace: time.Second,
	})
}

// platform holds the settings that all functions share.
type platform struct {
	log       *linelog.Log
	now       func() time.Time
	initLimit time.Duration // from the start of a process to its first request for an event, Lambda's INIT phase
	stopGrace time.Duration // from SIGTERM to SIGKILL when the host closes
}

func start(ctx context.Context, options Options, platform *platform) (*Host, error) {
	if options.MaxProcesses == 0 {
		options.MaxProcesses = DefaultMaxProcesses
	}
	binDir, err := filepath.Abs(options.BinDir) // functions run in this folder, so it must be absolute
	if err != nil {
		return nil, fmt.Errorf("finding the functions' binaries: %w", err)
	}
	h := &Host{
		url:       "http://" + options.Listener.Addr().String(),
		functions: make(map[string]*function),
		log:       platform.log,
		serverEnd: make(chan struct{}),
	}
	for _, definition := range options.Template.Functions {
		binary := filepath.Join(binDir, path.Base(filepath.ToSlash(definition.Folder)))
		if err := checkExecutable(binary); err != nil {
			return nil, fmt.Errorf("function %s: %w", definition.Name, err)
		}
		h.functions[definition.Name] = newFunction(platform, definition, binary, options.MaxProcesses)
	}
	api := gateway.New(gateway.Options{
		Template: options.Template, Invoker: h, Now: platform.now, Random: rand.Reader, Logf: h.log.Host,
	})
	h.serve(api, options.Listener)
	context.AfterFunc(ctx, h.Close)
	return h, nil
}

func (h *Host) serve(api http.Handler, listener net.Listener) {
	h.server = &http.Server{
		Handler:                      api,
		DisableGeneralOptionsHandler: true, // the API handles "OPTIONS *"
		ReadHeaderTimeout:            30 * time.Second,
		ErrorLog:                     h.log.Logger(),
	}
	go func() {
		defer close(h.serverEnd)
		if err := h.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			h.log.Host("the HTTP API ended: %v", err)
		}
	}()
}

// URL returns the base address of the HTTP API, without a slash at the end.
func (h *Host) URL() string { return h.url }

// Invoke invokes the function with that logical id and returns its payload. The error wraps a *[FunctionError] if the function
// failed, ErrUnknownFunction, ErrClosed, or the error of ctx. The invocation continues after the end of ctx.
func (h *Host) Invoke(ctx context.Context, function string, payload []byte) ([]byte, error) {
	f, ok := h.functions[function]
	if !ok {
		return nil, fmt.Errorf("invoking %s: %w", function, ErrUnknownFunction)
	}
	result, err := f.invoke(ctx, payload)
	if err != nil {
		return nil, fmt.Errorf("invoking %s: %w", function, err)
	}
	return result, nil
}

// Processes returns the ids of the running processes, oldest first, by the function's logical id.
func (h *Host) Processes() map[string][]int {
	processes := make(map[string][]int, len(h.functions))
	for name, function := range h.functions {
		processes[name] = function.pids()
	}
	return processes
}

// Logf writes a line to the host's log with the label of the host. It serves components that run beside the host.
func (h *Host) Logf(format string, args ...any) { h.log.Host(format, args...) }

// Close stops the HTTP API and all processes, and returns when they have ended. Invocations in progress fail with ErrClosed.
func (h *Host) Close() {
	h.closeOnce.Do(func() {
		_ = h.server.Close() // its only error is that the listener is closed already
		var closing sync.WaitGroup
		for _, function := range h.functions {
			closing.Go(function.close)
		}
		closing.Wait()
	})
	<-h.serverEnd
}
