package stack

import (
	"context"
	"io"
	"net"

	"latchkey/infra/local/lambdahost"
	"latchkey/infra/local/template"
)

// Platform runs the functions of a stack and serves its API. It replaces package lambdahost.
type Platform interface {
	// Target returns the GOOS and the GOARCH of the functions' binaries. An empty string selects that of this machine.
	Target() (system, architecture string)
	// Start starts the job and returns when the API accepts requests. Everything that it starts must end with Close, and at the
	// latest with this process.
	Start(ctx context.Context, job Job) (Running, error)
}

// Job holds the arguments of Platform.Start.
type Job struct {
	Template *template.Template // its endpoints are on the loopback interface of this machine
	BinDir   string             // contains the binary of each function under the name of its folder
	Listener net.Listener       // has the port of the API; the platform serves or closes it
	Log      io.Writer          // gets each line in one call of Write; the calls are not concurrent
}

// Running is a started job.
type Running interface {
	// Invoke invokes the function with that logical id and returns its payload. An error means that the function failed or that
	// ctx ended.
	Invoke(ctx context.Context, function string, payload []byte) ([]byte, error)
	// Logf writes a line to the log.
	Logf(format string, args ...any)
	// Done returns a channel that is closed when the platform has ended unexpectedly. Err then returns the reason.
	Done() <-chan struct{}
	Err() error
	// Close stops all functions and waits for their end.
	Close()
}

// Own is the platform that runs the functions as children of this process.
type Own struct {
	MaxProcesses int // of each function; 0 selects the default of package lambdahost
}

// Target implements [Platform].
func (Own) Target() (system, architecture string) { return "", "" }

// Start implements [Platform].
func (o Own) Start(ctx context.Context, job Job) (Running, error) {
	host, err := lambdahost.Start(ctx, lambdahost.Options{
		Template: job.Template,
		BinDir:   job.BinDir,
		Listener: job.Listener,
		Log:      job.Log,

		MaxProcesses: o.MaxProcesses,
	})
	if err != nil {
		return nil, err
	}
	return ownRunning{host}, nil
}

// ownRunning is a host in this process. It cannot end unexpectedly.
type ownRunning struct{ *lambdahost.Host }

// Done implements [Running].
func (ownRunning) Done() <-chan struct{} { return nil }

// Err implements [Running].
func (ownRunning) Err() error { return nil }
