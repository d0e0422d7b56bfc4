// Package sam runs the functions of a stack in containers, by `sam local`: the closest thing to Lambda that runs without AWS. It takes
// the place of package lambdahost (stack.Platform); tables, mail and streams stay as they are there.
//
// The API is served by `sam local start-api`, and the functions that streams feed are invoked through `sam local start-lambda`. What
// SAM gets wrong, against API Gateway, it gets wrong here too: infra/docs/local.md has the list.
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

// installed is where `sam` is among the Python tools of this repository, relative to its root.
const installed = ".tools/venv/bin/sam"

// Platform runs functions in containers.
type Platform struct {
	program string // path of `sam`
	engine  *docker.Engine
	image   string // of the containers
}

// Open is a platform of the SAM CLI that is installed below root and of this machine's Docker engine, for which it fetches the image; ""
// is Lambda's own. The error says in one line what is missing.
func Open(ctx context.Context, root, image string) (*Platform, error) {
	found, err := docker.Find(ctx)
	if err != nil {
		return nil, err
	}
	if image == "" {
		image = docker.LambdaImage
	}
	if err := found.Pull(ctx, image); err != nil {
		return nil, fmt.Errorf("fetching the image of the containers: %w; set SAM_IMAGE to one that can be had", err)
	}
	return New(root, found, image)
}

// New is a platform of that engine and of an image that it has.
func New(root string, engine *docker.Engine, image string) (*Platform, error) {
	program := filepath.Join(root, installed)
	if _, err := os.Stat(program); err != nil {
		return nil, errors.New("the SAM CLI is not installed: run `make sam-local`, which installs it")
	}
	return &Platform{program: program, engine: engine, image: image}, nil
}

// Target implements [stack.Platform].
func (p *Platform) Target() (system, architecture string) { return "linux", p.engine.Architecture }

// running is a stack's functions at work.
type running struct {
	log       *linelog.Log
	network   *docker.Network
	api       *child.Process
	lambda    *lambda // nil if no stream feeds a function
	forwarded []*forwarder
	ended     chan struct{} // closed, by end, when one of the two SAMs has ended
	end       sync.Once
	closers   []func() // in the order of the start
}

// Start implements [stack.Platform]. It answers on the listener's port, whose place it takes.
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

// launch starts the two SAMs at once, since each takes seconds.
func (r *running) launch(ctx context.Context, l launcher, job stack.Job) error {
	var apiError, lambdaError error
	var both sync.WaitGroup
	both.Go(func() { r.api, apiError = l.startAPI(ctx, job.Listener) })
	both.Go(func() { r.lambda, lambdaError = l.startLambda(ctx, fedByStreams(job.Template)) })
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

// Invoke implements [stack.Running], for the functions that streams feed.
func (r *running) Invoke(ctx context.Context, function string, payload []byte) ([]byte, error) {
	return r.lambda.invoke(ctx, function, payload)
}

// Logf implements [stack.Running].
func (r *running) Logf(format string, args ...any) { r.log.Host(format, args...) }

// Done implements [stack.Running].
func (r *running) Done() <-chan struct{} { return r.ended }

// Err implements [stack.Running].
func (r *running) Err() error { return errors.New("SAM has ended; it says why above") }

// Containers lists what SAM has running for this stack: id, state and name.
func (r *running) Containers(ctx context.Context) ([]string, error) { return r.network.Containers(ctx) }

// Close implements [stack.Running]. No container is left.
func (r *running) Close() {
	for _, end := range slices.Backward(r.closers) {
		end()
	}
	r.closers = nil
}
