// Command cost calculates what Latchkey costs: `make cost`. It runs the whole product on this machine and measures each kind of
// request: store calls and capacity units, CPU time, and bytes logged and returned. With the list prices in prices.yaml, it prints
// dollars per million requests, including those of attackers, and dollars per month beside other services, and compares them with
// their bars.
//
// The latencies of AWS are not measured. They and the pattern of use are assumptions in prices.yaml. infra/docs/cost.md describes the
// method and contains a result. The command needs Linux, because it reads the CPU time of processes.
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
	"latchkey/infra/testkit/workload"
)

// timeout ends a run that hangs.
const timeout = 40 * time.Minute

// now is the only clock of the command.
var now = time.Now //nolint:forbidigo // this is the composition root

// effort is the extent of a run.
type effort struct {
	few, many   int           // users in the tables
	fewSamples  int           // measured requests of each kind with few users, where only calls and units matter
	manySamples int           // with many users
	apart       time.Duration // between the two visits of a caller; more than a minute, the window of a rate limit
}

var (
	thorough = effort{few: 10_000, many: 1_000_000, fewSamples: 3, manySamples: 10, apart: time.Minute + time.Second}
	quick    = effort{few: 1_000, many: 20_000, fewSamples: 3, manySamples: 3, apart: time.Minute + time.Second}
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	less := flag.Bool("quick", false, "measure fewer requests, with fewer users in the tables")
	docs := flag.String("docs", "", "write the output and its plot into this folder, which contains "+page)
	flag.Parse()
	effort := thorough
	if *less {
		effort = quick
	}
	var output strings.Builder
	err := run(ctx, effort, io.MultiWriter(os.Stdout, &output), os.Stderr)
	if err == nil && *docs != "" {
		err = document(*docs, output.String())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "cost:", err)
		stop()
		os.Exit(1)
	}
}

// run prints the tables to out and its current step to progress. A value over its bar is not an error.
func run(ctx context.Context, effort effort, out, progress io.Writer) error {
	prices, err := readPrices(pricesFile)
	if err != nil {
		return err
	}
	load := report.Load()
	few := &scale{users: effort.few, samples: effort.fewSamples}
	many := &scale{users: effort.many, samples: effort.manySamples}
	for _, s := range []*scale{few, many} {
		fmt.Fprintf(progress, "starting the product with %d users\n", s.users)
		if s.rig, err = workload.Start(ctx, workload.Options{Users: s.users, Now: now}); err != nil {
			return err
		}
		defer s.rig.Close()
	}
	rows := slices.Concat(workload.Honest, workload.Hostile)
	for _, s := range []*scale{few, many} {
		fmt.Fprintf(progress, "first visits, with %d users\n", s.users)
		if err := s.visit(ctx, rows); err != nil {
			return err
		}
	}
	if err := pause(ctx, effort.apart); err != nil {
		return err
	}
	for _, s := range []*scale{few, many} {
		if err := s.measureAll(ctx, rows, prices, progress); err != nil {
			return err
		}
	}
	shared, err := many.rig.SharedLogins(ctx)
	if err != nil {
		return err
	}
	printReport(out, prices, few, many, shared)
	fmt.Fprintf(out, "\n%s\n", report.Machine(load, report.Load()))
	return nil
}

func pause(ctx context.Context, length time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(length):
		return nil
	}
}

// measureAll measures the second visit of each row, the mailer, and the rows beyond the limits.
func (s *scale) measureAll(ctx context.Context, rows []workload.Row, prices *prices, progress io.Writer) error {
	for _, row := range rows {
		fmt.Fprintf(progress, "measuring %s, with %d users\n", row.Name, s.users)
		used, err := s.measure(ctx, row, s.visitors[row.Name])
		if err != nil {
			return err
		}
		if err := s.add(prices, row, used); err != nil {
			return err
		}
	}
	used, err := s.measureMail(ctx)
	if err != nil {
		return err
	}
	if err := s.add(prices, mailRow, used); err != nil {
		return err
	}
	for _, row := range workload.Floods {
		visitors := make([]*workload.Visitor, warmUps+s.samples)
		for i := range visitors {
			visitors[i] = s.rig.NewVisitor()
		}
		if used, err = s.measure(ctx, row, visitors); err != nil {
			return err
		}
		if err := s.add(prices, row, used); err != nil {
			return err
		}
	}
	return nil
}
