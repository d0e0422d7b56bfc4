package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"time"
)

// readyBar is the bar of the time from the start of the process to its first request for an event.
var readyBar = atMost(1.5)

// measureStarts measures the start of every function in turns with that of the empty function. If a function calls the store before
// it is ready, a second row has the time until that call: the start without the warm-up.
func measureStarts(ctx context.Context, p *product, how effort, table *report) error {
	folder, remove, err := build(ctx, p.root)
	if err != nil {
		return err
	}
	defer remove()
	store := newSilentStore()
	defer store.close()
	for _, function := range p.template.Functions {
		name := filepath.Base(function.Folder)
		variables, err := p.variables(name)
		if err != nil {
			return err
		}
		s := starts{empty: filepath.Join(folder, "empty"), binary: filepath.Join(folder, name), variables: variables, store: store}
		if err := s.measure(ctx, how.starts); err != nil {
			return fmt.Errorf("starting %s: %w", name, err)
		}
		table.add("exec to ready, "+name+" / empty", &s.ready, readyBar)
		if len(s.called.subject) > 0 {
			table.add("exec to warm-up call, "+name+" / empty ready", &s.called, bar{})
		}
	}
	return nil
}

// starts holds the measurements of one function.
type starts struct {
	empty, binary string
	variables     map[string]string
	store         *silentStore
	ready, called pair
}

func (s *starts) measure(ctx context.Context, count int) error {
	for turn := range count + 1 {
		floor, err := untilReady(ctx, s.empty, s.variables)
		if err != nil {
			return err
		}
		ready, err := untilReady(ctx, s.binary, s.variables)
		if err != nil {
			return err
		}
		called, calls, err := s.untilCalled(ctx)
		if err != nil {
			return err
		}
		if turn == 0 { // reads the binary from the disk
			continue
		}
		s.ready.add(ready, floor)
		if calls {
			s.called.add(called, floor)
		}
	}
	return nil
}

func untilReady(ctx context.Context, binary string, variables map[string]string) (time.Duration, error) {
	process, err := startProcess(binary, variables)
	if err != nil {
		return 0, err
	}
	defer process.end()
	ready, err := process.awaitReady(ctx)
	return ready.Sub(process.started), err
}

// untilCalled starts the function with a store that does not respond. calls is false if the function becomes ready without a call.
func (s *starts) untilCalled(ctx context.Context) (took time.Duration, calls bool, err error) {
	variables := maps.Clone(s.variables)
	variables["DYNAMODB_ENDPOINT"] = s.store.server.URL
	process, err := startProcess(s.binary, variables)
	if err != nil {
		return 0, false, err
	}
	defer process.end()
	select {
	case at := <-s.store.called:
		return at.Sub(process.started), true, nil
	case <-process.ready:
		return 0, false, nil
	case <-process.Done():
		return 0, false, errProcessEnded
	case <-ctx.Done():
		return 0, false, ctx.Err()
	}
}

// silentStore accepts calls, reports their times and never responds.
type silentStore struct {
	server *httptest.Server
	called chan time.Time
}

func newSilentStore() *silentStore {
	s := &silentStore{called: make(chan time.Time)}
	s.server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		at := now()
		_, _ = io.Copy(io.Discard, r.Body) // until then the server does not notice that the caller has gone
		select {
		case s.called <- at:
			<-r.Context().Done()
		case <-r.Context().Done():
		}
	}))
	return s
}

// close ends the pending calls.
func (s *silentStore) close() {
	s.server.CloseClientConnections()
	s.server.Close()
}
