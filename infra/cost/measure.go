package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"latchkey/infra/local/child"
	"latchkey/infra/testkit/wiretap"
)

// warmUps is how many requests of a row are made before those that are measured, so that its function has been started and has
// done everything once.
const warmUps = 3

// measure makes so many requests of a row, one after the other, and returns what one takes.
func (r *rig) measure(ctx context.Context, row row, samples int) (reading, error) {
	var requests []request
	for range warmUps + samples {
		made, err := row.prepare(ctx, r)
		if err != nil {
			return reading{}, fmt.Errorf("preparing %s: %w", row.name, err)
		}
		if made.from == nil {
			made.from = r.address() // as people have; requests from one address would be given permits in blocks
		}
		requests = append(requests, made)
	}
	if _, err := r.send(ctx, row, requests[:warmUps]); err != nil {
		return reading{}, err
	}
	before, err := r.read(row.folder)
	if err != nil {
		return reading{}, err
	}
	took, err := r.send(ctx, row, requests[warmUps:])
	if err != nil {
		return reading{}, err
	}
	return r.since(ctx, before, row, samples, typical(took))
}

// send makes requests and returns what could be told of each.
func (r *rig) send(ctx context.Context, row row, requests []request) ([]reading, error) {
	var took []reading
	for _, asked := range requests {
		r.tap.Reset()
		r.github.Reset()
		got, err := r.do(ctx, asked)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", row.name, err)
		}
		if got.status != row.status {
			return nil, fmt.Errorf("%s: the answer is %d and not %d: %s", row.name, got.status, row.status, got.body)
		}
		one := sum(append(r.tap.Calls(), r.tap.LimitCalls()...))
		one.providerCalls, one.answerBytes = float64(r.github.Total()), float64(len(got.body))
		took = append(took, one)
	}
	return took, nil
}

// refusedWrite is what AWS counts for a write that a condition refuses: that of the item, which has less than 1 KB here.
const refusedWrite = 1

// sum adds up calls to the store.
func sum(calls []wiretap.Call) reading {
	all := reading{storeCalls: float64(len(calls))}
	for _, call := range calls {
		all.readUnits += call.Read
		all.writeUnits += call.Write
		if call.Refused {
			all.writeUnits += refusedWrite
		}
	}
	return all
}

// typical is the median of what could be told of each request. The host may start a function beside a busy one in between, whose first
// read is no request's.
func typical(took []reading) reading {
	middle := func(of func(reading) float64) float64 {
		var values []float64
		for _, one := range took {
			values = append(values, of(one))
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	return reading{
		storeCalls:    middle(func(r reading) float64 { return r.storeCalls }),
		readUnits:     middle(func(r reading) float64 { return r.readUnits }),
		writeUnits:    middle(func(r reading) float64 { return r.writeUnits }),
		providerCalls: middle(func(r reading) float64 { return r.providerCalls }),
		answerBytes:   middle(func(r reading) float64 { return r.answerBytes }),
	}
}

// meters are what the processes of a function have used and logged since they were started.
type meters struct {
	cpu    time.Duration
	lines  int
	logged int
}

func (r *rig) read(folder string) (meters, error) {
	cpu, err := cpuOf(folder)
	lines, logged := r.logs.of(folder)
	return meters{cpu: cpu, lines: lines, logged: logged}, err
}

// since adds to what a request of row takes the mean of what its function has used and logged in so many of them.
func (r *rig) since(ctx context.Context, before meters, row row, samples int, took reading) (reading, error) {
	if err := r.awaitLines(ctx, row.folder, before.lines+samples*row.lines); err != nil {
		return reading{}, fmt.Errorf("%s: %w", row.name, err)
	}
	after, err := r.read(row.folder)
	if err != nil {
		return reading{}, err
	}
	took.cpu = (after.cpu - before.cpu) / time.Duration(samples)
	took.logBytes = float64(after.logged-before.logged) / float64(samples)
	return took, nil
}

// lineTime is how long a line may take from the function to the meter.
const lineTime = 5 * time.Second

// awaitLines waits until a function has logged so many lines: they come by another way than the answers.
func (r *rig) awaitLines(ctx context.Context, folder string, want int) error {
	return await(ctx, lineTime, func() error {
		if lines, _ := r.logs.of(folder); lines < want {
			return fmt.Errorf("%s has logged %d lines and not %d", folder, lines, want)
		}
		return nil
	})
}

// await tries until there is no error, and returns the last one when the time is over.
func await(ctx context.Context, patience time.Duration, try func() error) error {
	deadline := now().Add(patience)
	for {
		err := try()
		if err == nil || now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// cpuOf is the CPU time that the processes of a function have used. They are children of this one, and named by their folder.
func cpuOf(folder string) (time.Duration, error) {
	paths, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		return 0, err
	}
	var sum time.Duration
	for _, path := range paths {
		program, err := os.Readlink(path)
		pid, numberErr := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil || numberErr != nil || filepath.Base(program) != folder || !isChild(pid) {
			continue // of another user, or gone by now
		}
		used, err := child.CPUTime(pid)
		if err != nil {
			return 0, err
		}
		sum += used
	}
	return sum, nil
}

// isChild says whether a process was started by this one (proc(5), field 4 of stat, behind a name in parentheses).
func isChild(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	return len(fields) > 1 && fields[1] == strconv.Itoa(os.Getpid())
}
