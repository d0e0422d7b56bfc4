package stack

import (
	"context"
	"io"
	"net"

	"latchkey/infra/local/lambdahost"
	"latchkey/infra/local/template"
)

// Platform runs the functions of a stack and serves its API, in the place of package lambdahost.
type Platform interface {
	// Target says what the functions' binaries are built for, as GOOS and GOARCH have it.
	Target() (system, architecture string)
	// Start returns when requests are answered. What it starts ends with Close, and in any case with this process.
	Start(ctx context.Context, job Job) (Running, error)
}

// Job is what a platform runs.
type Job struct {
	Template *template.Template // with endpoints on this machine's loopback
	BinDir   string             // holds each function's binary under the name of its folder
	Listener net.Listener       // holds the port of the API; the platform uses or closes it
	Log      io.Writer          // gets whole lines, one at a time
}

// Running are functions at work.
type Running interface {
	// Invoke has the function with that logical id handle one event. Its error says that the function failed, or that ctx ended.
	Invoke(ctx context.Context, function string, payload []byte) ([]byte, error)
	// Logf writes a line to the log.
	Logf(format string, args ...any)
	// Done is closed when the platform has ended by itself, and Err then says why.
	Done() <-chan struct{}
	Err() error
	// Close ends all functions and returns when they are gone.
	Close()
}

// ownHost is the platform of this process, whose functions are its children.
type ownHost struct{}

// Target implements [Platform]: this machine is what `go build` builds for.
func (ownHost) Target() (system, architecture string) { return "", "" }

// Start implements [Platform].
func (ownHost) Start(ctx context.Context, job Job) (Running, error) {
	host, err := lambdahost.Start(ctx, lambdahost.Options{
		Template: job.Template,
		BinDir:   job.BinDir,
		Listener: job.Listener,
		Log:      job.Log,
	})
	if err != nil {
		return nil, err
	}
	return ownRunning{host}, nil
}

// ownRunning is a host that ends with this process only.
type ownRunning struct{ *lambdahost.Host }

// Done implements [Running].
func (ownRunning) Done() <-chan struct{} { return nil }

// Err implements [Running].
func (ownRunning) Err() error { return nil }
