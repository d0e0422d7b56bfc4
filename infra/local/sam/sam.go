// Package sam runs the functions of a stack in containers with `sam local`, which resembles Lambda more closely than any other runtime
// without AWS. It is a stack.Platform that replaces package lambdahost. The tables, the mail and the streams are the same.
//
// `sam local start-api` serves the API, and `sam local start-lambda` invokes the functions of streams. infra/docs/local.md lists how
// SAM's events differ from those of API Gateway.
package sam

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"latchkey/infra/local/child"
	"latchkey/infra/local/docker"
	"latchkey/infra/local/linelog"
	"latchkey/infra/local/stack"
)

// samProgram is the path of `sam` below the root of the repository.
const samProgram = ".tools/venv/bin/sam"

// Platform runs functions in containers.
type Platform struct {
	program string // path of `sam`
	engine  *docker.Engine
	image   string // of the containers
}

// Open returns a platform with the SAM CLI that is installed below root and the Docker engine of this machine. It downloads the image
// of the containers if necessary. An empty image selects that of Lambda. The error is one line that names what is missing.
func Open(ctx context.Context, root, image string) (*Platform, error) {
	dockerEngine, err := docker.Find(ctx)
	if err != nil {
		return nil, err
	}
	if image == "" {
		image = docker.LambdaImage
	}
	if err := dockerEngine.Pull(ctx, image); err != nil {
		return nil, fmt.Errorf("pulling the image of the containers: %w; set SAM_IMAGE to an available one", err)
	}
	return New(root, dockerEngine, image)
}

// New returns a platform with the engine and an image that the engine has.
func New(root string, engine *docker.Engine, image string) (*Platform, error) {
	program := filepath.Join(root, samProgram)
	if _, err := os.Stat(program); err != nil {
		return nil, errors.New("the SAM CLI is not installed: run `make sam-local`, which installs it")
	}
	return &Platform{program: program, engine: engine, image: image}, nil
}

// Target implements [stack.Platform].
func (p *Platform) Target() (system, architecture string) { return "linux", p.engine.Architecture }

// running is a started job.
type running struct {
	log        *linelog.Log
	network    *docker.Network
	api        *child.Process
	lambda     *lambda // nil if no function has a stream
	forwarders []*forwarder
	ended      chan struct{} // closed by end when one of the two SAM processes has ended
	end        sync.Once
	closers    []func() // in the order of the start
}

// Start implements [stack.Platform]. It closes the listener and serves the API on its port.
func (p *Platform) Start(ctx context.Context, job stack.Job) (stack.Running, error) {
	r := &running{log: linelog.New(job.Log), ended: make(chan struct{})}
	if err := r.start(ctx, p, job); err != nil {
		r.Close()
		return nil, fmt.Errorf("starting SAM: %w", err)
	}
	return r, nil
}

func (r *running) start(ctx context.Context, p *Platform, job stack.Job) (err error) {
	if r.network, err = p.engine.OpenNetwork(ctx); err != nil {
		return err
	}
	r.closers = append(r.closers, func() {
		if err := r.network.Close(); err != nil {
			r.Logf("%v", err)
		}
	})
	folder, err := filepath.Abs(filepath.Join(job.BinDir, "..", "sam"))
	if err != nil {
		return err
	}
	if err := r.prepare(job, folder, p.engine.Architecture); err != nil {
		return err
	}
	launcher := launcher{platform: p, network: r.network.Name, host: r.nameOfHost(), folder: folder, log: r.log}
	return r.launch(ctx, launcher, job)
}

// launch starts the two SAM processes concurrently, because each takes seconds.
func (r *running) launch(ctx context.Context, l launcher, job stack.Job) error {
	var apiError, lambdaError error
	var both sync.WaitGroup
	both.Go(func() { r.api, apiError = l.startAPI(ctx, job.Listener) })
	both.Go(func() { r.lambda, lambdaError = l.startLambda(ctx, streamFunctions(job.Template)) })
	both.Wait()
	for _, process := range []*child.Process{r.api, r.lambda.process()} {
		if process == nil {
			continue
		}
		r.closers = append(r.closers, func() { process.Stop(stopTimeout) })
		go func() {
			<-process.Done()
			r.end.Do(func() { close(r.ended) })
		}()
	}
	return errors.Join(apiError, lambdaError)
}

// Invoke implements [stack.Running] for the functions of streams.
func (r *running) Invoke(ctx context.Context, function string, payload []byte) ([]byte, error) {
	return r.lambda.invoke(ctx, function, payload)
}

// Logf implements [stack.Running].
func (r *running) Logf(format string, args ...any) { r.log.Host(format, args...) }

// Done implements [stack.Running].
func (r *running) Done() <-chan struct{} { return r.ended }

// Err implements [stack.Running].
func (r *running) Err() error { return errors.New("SAM has ended; see its output above") }

// Containers returns the containers of this stack, each as "id state name".
func (r *running) Containers(ctx context.Context) ([]string, error) { return r.network.Containers(ctx) }

// Close implements [stack.Running]. It also removes all containers.
func (r *running) Close() {
	for _, closer := range slices.Backward(r.closers) {
		closer()
	}
	r.closers = nil
}
