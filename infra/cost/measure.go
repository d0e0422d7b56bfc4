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

// warmUps is the number of requests before the measured ones, so that the function has started and done everything once.
const warmUps = 3

// measure sends the requests of a row one after the other and returns the usage of one.
func (r *rig) measure(ctx context.Context, row row, samples int) (usage, error) {
	var requests []request
	for range warmUps + samples {
		req, err := row.prepare(ctx, r)
		if err != nil {
			return usage{}, fmt.Errorf("preparing %s: %w", row.name, err)
		}
		if req.source == nil {
			req.source = r.newAddress() // one address for all requests would get permits in blocks
		}
		requests = append(requests, req)
	}
	if _, err := r.send(ctx, row, requests[:warmUps]); err != nil {
		return usage{}, err
	}
	before, err := r.read(row.folder)
	if err != nil {
		return usage{}, err
	}
	usages, err := r.send(ctx, row, requests[warmUps:])
	if err != nil {
		return usage{}, err
	}
	return r.since(ctx, before, row, samples, medians(usages))
}

// send sends requests. It returns the usage of each, without the CPU time and the log, which cannot be attributed to one request.
func (r *rig) send(ctx context.Context, row row, requests []request) ([]usage, error) {
	var usages []usage
	for _, req := range requests {
		r.Tap.Reset()
		r.GitHub.Reset()
		got, err := r.do(ctx, req)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", row.name, err)
		}
		if got.Status != row.status {
			return nil, fmt.Errorf("%s: got %v, want %d", row.name, got, row.status)
		}
		one := sum(append(r.Tap.Calls(), r.Tap.LimitCalls()...))
		one.providerCalls, one.bodyBytes = float64(r.GitHub.Total()), float64(len(got.Body))
		usages = append(usages, one)
	}
	return usages, nil
}

// refusedWrite is the number of units that AWS charges for a write whose condition fails: those of the item, which has less than 1 KB.
const refusedWrite = 1

// sum adds up store calls.
func sum(calls []wiretap.Call) usage {
	all := usage{storeCalls: float64(len(calls))}
	for _, call := range calls {
		all.readUnits += call.Read
		all.writeUnits += call.Write
		if call.Refused {
			all.writeUnits += refusedWrite
		}
	}
	return all
}

// medians returns the median of each quantity. It ignores the read of a process that the host has started beside a busy one, which
// belongs to no request.
func medians(usages []usage) usage {
	median := func(quantity func(usage) float64) float64 {
		var values []float64
		for _, one := range usages {
			values = append(values, quantity(one))
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	return usage{
		storeCalls:    median(func(u usage) float64 { return u.storeCalls }),
		readUnits:     median(func(u usage) float64 { return u.readUnits }),
		writeUnits:    median(func(u usage) float64 { return u.writeUnits }),
		providerCalls: median(func(u usage) float64 { return u.providerCalls }),
		bodyBytes:     median(func(u usage) float64 { return u.bodyBytes }),
	}
}

// meters holds the totals of the processes of a function since their start.
type meters struct {
	cpu      time.Duration
	lines    int
	logBytes int
}

func (r *rig) read(folder string) (meters, error) {
	cpu, err := cpuOf(folder)
	lines, size := r.logs.of(folder)
	return meters{cpu: cpu, lines: lines, logBytes: size}, err
}

// since adds the CPU time and the log since before to the usage of one request, as means over the samples.
func (r *rig) since(ctx context.Context, before meters, row row, samples int, one usage) (usage, error) {
	if err := r.awaitLines(ctx, row.folder, before.lines+samples*row.lines); err != nil {
		return usage{}, fmt.Errorf("%s: %w", row.name, err)
	}
	after, err := r.read(row.folder)
	if err != nil {
		return usage{}, err
	}
	one.cpu = (after.cpu - before.cpu) / time.Duration(samples)
	one.logBytes = float64(after.logBytes-before.logBytes) / float64(samples)
	return one, nil
}

// lineTimeout limits the time from a function's log call to the meter. Log lines and responses travel separately.
const lineTimeout = 5 * time.Second

// awaitLines waits until a function has logged so many lines.
func (r *rig) awaitLines(ctx context.Context, folder string, want int) error {
	for deadline := now().Add(lineTimeout); ; {
		lines, _ := r.logs.of(folder)
		switch {
		case lines >= want:
			return nil
		case now().After(deadline):
			return fmt.Errorf("got %d log lines of %s, want %d", lines, folder, want)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// cpuOf returns the CPU time of the processes of a function. They are children of this process, and the names of their programs are the
// folder of the function.
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
			continue // another user's process, or one that has ended
		}
		used, err := child.CPUTime(pid)
		if err != nil {
			return 0, err
		}
		sum += used
	}
	return sum, nil
}

// isChild reports whether this process started another one (proc(5): field 4 of stat, after the name in parentheses).
func isChild(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	return len(fields) > 1 && fields[1] == strconv.Itoa(os.Getpid())
}
