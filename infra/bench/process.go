package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os/exec"
	"slices"
	"strconv"
	"time"

	"latchkey/infra/local/child"
	"latchkey/infra/local/template"
)

// process is the binary of a function with a Runtime API of its own (version 2018-06-01, "Using the Lambda runtime API for custom
// runtimes" in the Lambda guide). The Runtime API of the local host is not used, because it checks the responses, which takes time.
type process struct {
	*child.Process
	started   time.Time
	server    *http.Server
	ready     chan time.Time // when the function requested its next event
	events    chan []byte
	responses chan response
}

// response is the response of a function with the time of its arrival.
type response struct {
	at   time.Time
	body []byte
}

// eventTime is the deadline of an event, far beyond its duration.
const eventTime = 30 * time.Second

var errProcessEnded = errors.New("the function's process ended")

func startProcess(binary string, variables map[string]string) (*process, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("opening a Runtime API: %w", err)
	}
	p := &process{ready: make(chan time.Time, 1), events: make(chan []byte), responses: make(chan response, 1)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", p.next)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", p.respond)
	p.server = &http.Server{Handler: mux, ReadHeaderTimeout: eventTime}
	go func() { _ = p.server.Serve(listener) }() // its error is ErrServerClosed, from end
	cmd := exec.Command(binary)
	cmd.Env = []string{"AWS_LAMBDA_RUNTIME_API=" + listener.Addr().String()}
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		cmd.Env = append(cmd.Env, name+"="+variables[name])
	}
	p.started = now()
	if p.Process, err = child.Start(cmd); err != nil {
		_ = p.server.Close()
		return nil, err
	}
	return p, nil
}

// end kills the process and waits until it has ended.
func (p *process) end() {
	p.Stop(0)
	_ = p.server.Close()
}

func (p *process) next(w http.ResponseWriter, r *http.Request) {
	p.ready <- now()
	select {
	case payload := <-p.events:
		header := w.Header()
		header.Set("Content-Type", "application/json")
		header.Set("Lambda-Runtime-Aws-Request-Id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
		header.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(now().Add(eventTime).UnixMilli(), 10))
		header.Set("Lambda-Runtime-Invoked-Function-Arn", template.FunctionARN("Bench"))
		_, _ = w.Write(payload) // a process that has ended is noticed when its response is awaited
	case <-r.Context().Done():
	}
}

func (p *process) respond(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	p.responses <- response{at: now(), body: body}
	w.WriteHeader(http.StatusAccepted)
}

// awaitReady waits until the process requests an event.
func (p *process) awaitReady(ctx context.Context) (time.Time, error) {
	return receive(ctx, p, p.ready)
}

// receive waits for a value that the process causes to be sent.
func receive[T any](ctx context.Context, p *process, from <-chan T) (T, error) {
	var none T
	select {
	case got := <-from:
		return got, nil
	case <-p.Done():
		return none, errors.Join(errProcessEnded, p.Err())
	case <-ctx.Done():
		return none, ctx.Err()
	}
}
