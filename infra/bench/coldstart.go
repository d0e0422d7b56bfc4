package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"latchkey/infra/report"
)

// readyBar is the bar of the time from the start of the process to its first request for an event.
var readyBar = report.AtMost(1.5)

// measureStarts measures the start of every function in turns with that of the empty function.
func measureStarts(ctx context.Context, p *product, effort effort, table *table) error {
	folder, remove, err := build(ctx, p.root)
	if err != nil {
		return err
	}
	defer remove()
	for _, function := range p.template.Functions {
		name := filepath.Base(function.Folder)
		variables, err := p.variables(name)
		if err != nil {
			return err
		}
		s := starts{empty: filepath.Join(folder, "empty"), binary: filepath.Join(folder, name), variables: variables}
		if err := s.measure(ctx, effort.starts); err != nil {
			return fmt.Errorf("starting %s: %w", name, err)
		}
		table.add("exec to ready, "+name+" / empty", &s.ready, readyBar)
	}
	return nil
}

// starts holds the measurements of one function.
type starts struct {
	empty, binary string
	variables     map[string]string
	ready         pair
}

func (s *starts) measure(ctx context.Context, count int) error {
	for round := range count + 1 {
		floor, err := untilReady(ctx, s.empty, s.variables)
		if err != nil {
			return err
		}
		ready, err := untilReady(ctx, s.binary, s.variables)
		if err != nil {
			return err
		}
		if round == 0 { // reads the binary from the disk
			continue
		}
		s.ready.add(ready, floor)
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
