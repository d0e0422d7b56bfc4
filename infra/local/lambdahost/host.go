// Package lambdahost runs the functions of a SAM template on this machine as Lambda runs them, without Docker: each is its
// real binary, spoken to through the Lambda Runtime API, behind an API Gateway HTTP API on loopback.
//
// A process handles one event at a time, starts on first use, and is stopped (SIGSTOP) from the moment it asks for
// the next event until there is one, so that work left behind after an answer is caught here as it would be in Lambda.
// A process that crashes, times out or fails to start costs its caller an error and is replaced.
//
// It is no sandbox: the functions run as the user who runs the host, with the whole machine's CPU and memory. It starts no
// database and creates no tables, and polls no streams; package streams does, and calls [Host.Invoke].
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

// DefaultMaxProcesses is how many processes of one function run at once when Options do not say.
const DefaultMaxProcesses = 10

// Options are what a Host needs; all fields but MaxProcesses are required.
type Options struct {
	Template *template.Template
	BinDir   string       // holds each function's binary under the name of its folder
	Listener net.Listener // where the HTTP API is served; the host closes it
	Log      io.Writer    // gets whole lines, each in one Write, from many goroutines one at a time

	// MaxProcesses is the cap for each function; 0 is DefaultMaxProcesses. Further events wait.
	MaxProcesses int
}

// Host runs the functions. All methods may be called from any goroutine.
type Host struct {
	url       string
	functions map[string]*function // by logical id
	server    *http.Server
	log       *linelog.Log
	closing   sync.Once
	served    chan struct{} // closed when the server has ended
}

// Start serves the HTTP API and is ready at its return; no function runs yet. It fails if a function has no binary.
// The host runs until Close, or until ctx ends.
func Start(ctx context.Context, options Options) (*Host, error) {
	return start(ctx, options, &platform{
		log:       linelog.New(options.Log),
		now:       time.Now,
		initLimit: 10 * time.Second,
		stopGrace: time.Second,
	})
}

// platform is what all functions share.
type platform struct {
	log       *linelog.Log
	now       func() time.Time
	initLimit time.Duration // from a process's start until it asks for its first event; Lambda's INIT
	stopGrace time.Duration // for a process to end by itself when the host closes
}

func start(ctx context.Context, options Options, platform *platform) (*Host, error) {
	if options.MaxProcesses == 0 {
		options.MaxProcesses = DefaultMaxProcesses
	}
	binDir, err := filepath.Abs(options.BinDir) // a function runs in this folder
	if err != nil {
		return nil, fmt.Errorf("finding the functions' binaries: %w", err)
	}
	h := &Host{
		url:       "http://" + options.Listener.Addr().String(),
		functions: make(map[string]*function),
		log:       platform.log,
		served:    make(chan struct{}),
	}
	for _, declared := range options.Template.Functions {
		binary := filepath.Join(binDir, path.Base(filepath.ToSlash(declared.Folder)))
		if err := executable(binary); err != nil {
			return nil, fmt.Errorf("function %s: %w", declared.Name, err)
		}
		h.functions[declared.Name] = newFunction(platform, declared, binary, options.MaxProcesses)
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
		DisableGeneralOptionsHandler: true, // "OPTIONS *" is the API's to answer
		ReadHeaderTimeout:            30 * time.Second,
		ErrorLog:                     h.log.Logger(),
	}
	go func() {
		defer close(h.served)
		if err := h.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			h.log.Host("the HTTP API ended: %v", err)
		}
	}()
}

// URL is the base of the HTTP API, without a slash at the end.
func (h *Host) URL() string { return h.url }

// Invoke has the function with that logical id handle one event and returns its answer. The error is a *[FunctionError] if the
// function failed; ErrUnknownFunction; ErrClosed; or that of ctx, with which the invocation itself does not end.
func (h *Host) Invoke(ctx context.Context, function string, payload []byte) ([]byte, error) {
	invoked, ok := h.functions[function]
	if !ok {
		return nil, fmt.Errorf("invoking %s: %w", function, ErrUnknownFunction)
	}
	answer, err := invoked.invoke(ctx, payload)
	if err != nil {
		return nil, fmt.Errorf("invoking %s: %w", function, err)
	}
	return answer, nil
}

// Processes lists the ids of the processes that live, by the function's logical id, oldest first.
func (h *Host) Processes() map[string][]int {
	processes := make(map[string][]int, len(h.functions))
	for name, function := range h.functions {
		processes[name] = function.pids()
	}
	return processes
}

// Logf writes a line of the host's own to its log, for what works beside it; a line never mixes with those of the functions.
func (h *Host) Logf(format string, args ...any) { h.log.Host(format, args...) }

// Close ends the HTTP API and every process, and returns when all have ended. Invocations under way fail with ErrClosed.
func (h *Host) Close() {
	h.closing.Do(func() {
		_ = h.server.Close() // closing the listener a second time is the one failure possible
		var ended sync.WaitGroup
		for _, function := range h.functions {
			ended.Go(function.close)
		}
		ended.Wait()
	})
	<-h.served
}
