// Package engine starts the emulators that the local host and the tests use: two of DynamoDB, one of SES, one of Systems
// Manager, and an OpenID provider in place of Google.
//
// It only starts and stops them. Package tables creates the DynamoDB tables. Differences between an emulator and AWS are
// handled in the tests that run on it.
package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"latchkey/infra/local/child"
)

const (
	startTimeout = time.Minute // a Java engine on a busy machine of two cores has taken 15 s
	stopTimeout  = 5 * time.Second
	pollInterval = 10 * time.Millisecond
	freePorts    = 3 // attempts to start on a free port

	portChecks = 6 // checks of a port that seems to be in use
	portPause  = 50 * time.Millisecond
)

// Options says where an engine listens and where it stores its data.
type Options struct {
	Root   string // folder of go.mod, below which the tools are installed
	Port   int    // on 127.0.0.1; 0 selects a free one
	Folder string // existing folder for the data of a DynamoDB engine; "" keeps the data in memory
}

// Export is a copy of tables in the format of an export of DynamoDB to S3.
type Export struct {
	Folder string        // contains <table>/data/*.json.gz, with one item per line
	Schema string        // file with a JSON list of responses of DescribeTable
	Limit  time.Duration // for the import; 0 sets that of every start
}

// Engine is a running emulator. It ends with Stop, or with this process.
type Engine struct {
	Name     string // of the program, for messages
	Endpoint string // URL, without a slash at the end

	process *child.Process
	output  *tail
}

// Done returns a channel that is closed when the engine has ended, after Stop or unexpectedly.
func (e *Engine) Done() <-chan struct{} { return e.process.Done() }

// Err returns how the engine ended, with its last line of output. It may be called only after Done is closed. It is never
// nil, because engines run until they are stopped.
func (e *Engine) Err() error {
	cause := e.process.Err()
	if cause == nil {
		cause = errors.New("exit status 0")
	}
	return fmt.Errorf("%s ended (%w); its last line: %s", e.Name, cause, e.output.last())
}

// Pid returns the process id of the engine.
func (e *Engine) Pid() int { return e.process.Pid() }

// Stop stops the engine and waits for its end.
func (e *Engine) Stop() { e.process.Stop(stopTimeout) }

// launch starts command with the port, or with a free port if port is 0, and returns when the engine responds to HTTP.
func launch(ctx context.Context, name string, port int, command func(port int) *exec.Cmd) (*Engine, error) {
	return launchWithin(ctx, startTimeout, name, port, command)
}

// launchWithin is launch with another limit for the time to the first response.
func launchWithin(
	ctx context.Context, limit time.Duration, name string, port int, command func(port int) *exec.Cmd,
) (*Engine, error) {
	if port != 0 {
		return launchOn(ctx, limit, name, port, command(port))
	}
	return onAnyPort(ctx, FreePort, func(port int) (*Engine, error) { return launchOn(ctx, limit, name, port, command(port)) })
}

// onAnyPort calls start with a chosen port. It tries again with another port if that fails, because another program can
// take a port between the choice and its use.
func onAnyPort(ctx context.Context, choose func() (int, error), start func(port int) (*Engine, error)) (*Engine, error) {
	var startErr error
	for range freePorts {
		port, err := choose()
		if err != nil {
			return nil, err
		}
		e, err := start(port)
		if err == nil || ctx.Err() != nil {
			return e, err
		}
		startErr = err
	}
	return nil, startErr
}

func launchOn(ctx context.Context, limit time.Duration, name string, port int, cmd *exec.Cmd) (*Engine, error) {
	if err := CheckPort(port); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	e := &Engine{Name: name, Endpoint: "http://127.0.0.1:" + strconv.Itoa(port), output: &tail{}}
	cmd.Stdout, cmd.Stderr = e.output, e.output
	var err error
	if e.process, err = child.Start(cmd); err != nil {
		return nil, err
	}
	if err := e.awaitResponse(ctx, limit); err != nil {
		e.Stop()
		return nil, fmt.Errorf("starting %s on port %d: %w", name, port, err)
	}
	return e, nil
}

// awaitResponse waits for the first HTTP response, of any status: an engine that refuses an unsigned request is running.
func (e *Engine) awaitResponse(ctx context.Context, limit time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no response within %v", limit))
	defer cancel()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, e.Endpoint, http.NoBody)
		if err != nil {
			return err
		}
		if response, err := client.Do(request); err == nil {
			return response.Body.Close()
		}
		select {
		case <-e.Done():
			return e.Err()
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pollInterval):
		}
	}
}

// CheckPort returns an error of one line if a program listens on the port. The engines do not report this reliably: one of
// them keeps running without a port. The check covers 127.0.0.1 and all addresses, because some systems let two programs
// listen on one port that way.
//
// CheckPort repeats a failed check, because a port can seem to be in use for a moment: a process that this program starts
// inherits all its sockets, including those of an earlier check, between fork and exec.
func CheckPort(port int) error {
	err := listenOn(port)
	for checks := 1; err != nil && checks < portChecks; checks++ {
		time.Sleep(portPause)
		err = listenOn(port)
	}
	return err
}

// listenOn opens and closes the port on both addresses.
func listenOn(port int) error {
	for _, host := range []string{"127.0.0.1", ""} {
		listener, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		switch {
		case errors.Is(err, syscall.EADDRINUSE):
			return fmt.Errorf("port %d is in use", port)
		case err != nil:
			return fmt.Errorf("port %d cannot be used: %w", port, err)
		}
		if err := listener.Close(); err != nil {
			return fmt.Errorf("port %d cannot be used: %w", port, err)
		}
	}
	return nil
}

// FreePort returns a TCP port on 127.0.0.1 that is not in use.
func FreePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("finding a free port: %w", err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	return port, listener.Close()
}

// tailSize exceeds the length of the last line of every engine.
const tailSize = 4 << 10

// tail is a writer that keeps the end of the output. It has no lock, because it is read only after the last write.
type tail struct{ text []byte }

func (t *tail) Write(b []byte) (int, error) {
	t.text = append(t.text, b...)
	t.text = t.text[max(0, len(t.text)-tailSize):]
	return len(b), nil
}

// last returns the last line that is not part of a stack trace.
func (t *tail) last() string {
	lines := bytes.Split(bytes.TrimSpace(t.text), []byte("\n"))
	for i := len(lines) - 1; i > 0; i-- {
		if line := lines[i]; !bytes.HasPrefix(line, []byte("\t")) && !bytes.HasPrefix(line, []byte("    at ")) {
			return string(bytes.TrimSpace(line))
		}
	}
	return string(bytes.TrimSpace(lines[0]))
}
