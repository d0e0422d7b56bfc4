// Command bench measures the time that Latchkey adds to unavoidable work, and prints each ratio beside its bar: `make bench`.
//
// Absolute times mean nothing on a shared machine. Each subject is therefore measured in turns with its floor (A B A B …) within
// one run, and the ratio is that of the medians. All traffic stays on the loopback interface. It is not a load test and does not
// measure AWS's network. infra/docs/performance.md describes the method and the results. It needs Linux, as Lambda does.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"latchkey/infra/report"
)

// timeout ends a run that hangs.
const timeout = 45 * time.Minute

// now is the one clock of the bench.
var now = time.Now //nolint:forbidigo // this is the composition root of the bench

// effort holds the numbers of measurements.
type effort struct {
	warmPairs      int // of batches, in process
	warmBatch      int // requests in a batch
	loginPairs     int // of batches of logins, in process
	loginBatch     int // logins in a batch
	guesses        int // pairs of refused logins
	starts         int // of each binary
	firstResponses int // processes at each CPU share
	cpuBatches     int // of each client
	few, many      int // users in the tables
	requests       int // of each operation, for each number of users
	mailed         int // the same for an operation that needs a mailed link
}

var (
	thorough = effort{warmPairs: 40, warmBatch: 100, loginPairs: 50, loginBatch: 5, guesses: 500, starts: 25, firstResponses: 25,
		cpuBatches: 12, few: 10_000, many: 1_000_000, requests: 100, mailed: 40}
	quick = effort{warmPairs: 10, warmBatch: 50, loginPairs: 10, loginBatch: 3, guesses: 100, starts: 7, firstResponses: 7,
		cpuBatches: 5, few: 1_000, many: 20_000, requests: 10, mailed: 5}
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	less := flag.Bool("quick", false, "measure less often")
	docs := flag.String("docs", "", "write the output and its plot into this folder, which contains "+page)
	former := flag.String("former", "", "measure only against the functions of this commit")
	only := flag.String("part", "", "measure only the parts whose names contain this text")
	flag.Parse()
	effort := thorough
	if *less {
		effort = quick
	}
	measured := slices.DeleteFunc(slices.Clone(parts), func(p part) bool { return !strings.Contains(p.name, *only) })
	if *former != "" {
		measured = []part{{"the functions against those of " + *former, measureFormer(*former)}}
	}
	var output strings.Builder
	err := run(ctx, effort, measured, io.MultiWriter(os.Stdout, &output), os.Stderr)
	if err == nil && *docs != "" {
		err = document(*docs, output.String())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

// part is a group of rows of the table.
type part struct {
	name    string
	measure func(context.Context, *product, effort, *table) error
}

var parts = []part{
	{"me, refresh and login against their floors", measureWarm},
	{"unknown, disabled and other users against a wrong password", measureGuesses},
	{"process start to readiness", measureStarts},
	{"the first response with throttled CPU", measureFirstResponses},
	{"process start to readiness with remote services", measureRemoteStarts},
	{"CPU time and memory of function processes", measureCPU},
	{"each operation with many users in the tables against few", measureSizes},
}

// run prints the table to out and its steps to progress. A ratio over its bar is not an error, because a busy machine can cause it.
func run(ctx context.Context, effort effort, parts []part, out, progress io.Writer) error {
	load := report.Load()
	p, err := startProduct(ctx)
	if err != nil {
		return err
	}
	defer p.stop()
	table := newTable(out)
	for _, part := range parts {
		start := now()
		fmt.Fprint(progress, "measuring ", part.name)
		if err := part.measure(ctx, p, effort, table); err != nil {
			return fmt.Errorf("measuring %s: %w", part.name, err)
		}
		fmt.Fprintf(progress, ", %.0f s\n", now().Sub(start).Seconds())
	}
	if err := table.writer.Flush(); err != nil {
		return fmt.Errorf("printing the table: %w", err)
	}
	fmt.Fprintf(out, "%d over their bars; %s\n", table.over, report.Machine(load, report.Load()))
	return nil
}
