// Package engine starts the emulators of services that the local host and the tests speak to: two of DynamoDB, one of SES, one of
// Systems Manager, and an OpenID provider in the place of Google.
//
// It only starts and ends them. Their tables are made by package tables; what they get wrong, against AWS, is known to the tests
// that run on them.
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
	freePorts    = 3 // tries, when the port may be any

	portTries = 6 // of a port that seems taken
	portPause = 50 * time.Millisecond
)

// Options say where an engine listens and what it keeps.
type Options struct {
	Root   string // folder of go.mod, below which the tools are installed
	Port   int    // on 127.0.0.1; 0 for a free one
	Folder string // existing folder of a DynamoDB engine's data; "" for memory only
}

// Engine is a running emulator. It ends with Stop, or with this process.
type Engine struct {
	Name     string // of the program, for messages
	Endpoint string // its URL, without a slash at the end

	process *child.Process
	output  *tail
}

// Done is closed when the engine has ended, by Stop or by itself.
func (e *Engine) Done() <-chan struct{} { return e.process.Done() }

// Err tells, after Done, how the engine ended and what it said last; it is never nil then, since engines do not end by themselves.
func (e *Engine) Err() error {
	cause := e.process.Err()
	if cause == nil {
		cause = errors.New("exit status 0")
	}
	return fmt.Errorf("%s ended (%w); its last line: %s", e.Name, cause, e.output.last())
}

// Pid is the engine's process id.
func (e *Engine) Pid() int { return e.process.Pid() }

// Stop ends the engine and returns when it is gone.
func (e *Engine) Stop() { e.process.Stop(stopTimeout) }

// launch starts command, which gets the port, and returns when it answers HTTP. A free port can be lost to somebody else between
// being found and being used: then another is tried.
func launch(ctx context.Context, name string, port int, command func(port int) *exec.Cmd) (*Engine, error) {
	if port != 0 {
		return launchOn(ctx, name, port, command(port))
	}
	var failed error
	for range freePorts {
		free, err := FreePort()
		if err != nil {
			return nil, err
		}
		e, err := launchOn(ctx, name, free, command(free))
		if err == nil || ctx.Err() != nil {
			return e, err
		}
		failed = err
	}
	return nil, failed
}

func launchOn(ctx context.Context, name string, port int, cmd *exec.Cmd) (*Engine, error) {
	if err := CheckPort(port); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	e := &Engine{Name: name, Endpoint: "http://127.0.0.1:" + strconv.Itoa(port), output: &tail{}}
	cmd.Stdout, cmd.Stderr = e.output, e.output
	var err error
	if e.process, err = child.Start(cmd); err != nil {
		return nil, err
	}
	if err := e.ready(ctx); err != nil {
		e.Stop()
		return nil, fmt.Errorf("starting %s on port %d: %w", name, port, err)
	}
	return e, nil
}

// ready waits for the first HTTP answer, of any status: an engine that refuses an unsigned request is up.
func (e *Engine) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("no answer within %v", startTimeout))
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

// CheckPort is an error, in one clear line, if somebody listens on the port. The engines cannot be trusted with that: one of them
// stays, without a port. Both addresses are tried since some systems let them be held by two.
//
// A port that only seems taken is tried again: a child that is being started at this moment, such as a compiler, holds all our
// sockets for the instant between fork and exec, the ones of an earlier check too.
func CheckPort(port int) error {
	err := tryPort(port)
	for tries := 1; err != nil && tries < portTries; tries++ {
		time.Sleep(portPause)
		err = tryPort(port)
	}
	return err
}

func tryPort(port int) error {
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

// FreePort finds a TCP port of 127.0.0.1 that nobody listens on.
func FreePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("finding a free port: %w", err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	return port, listener.Close()
}

// tailSize is enough for the last line of any of the engines.
const tailSize = 4 << 10

// tail keeps the end of what was written to it. It is read only after the last write, so it needs no lock.
type tail struct{ kept []byte }

func (t *tail) Write(b []byte) (int, error) {
	t.kept = append(t.kept, b...)
	t.kept = t.kept[max(0, len(t.kept)-tailSize):]
	return len(b), nil
}

// last is the last line that tells something; a stack trace tells less than the line before it.
func (t *tail) last() string {
	lines := bytes.Split(bytes.TrimSpace(t.kept), []byte("\n"))
	for i := len(lines) - 1; i > 0; i-- {
		if line := lines[i]; !bytes.HasPrefix(line, []byte("\t")) && !bytes.HasPrefix(line, []byte("    at ")) {
			return string(bytes.TrimSpace(line))
		}
	}
	return string(bytes.TrimSpace(lines[0]))
}
