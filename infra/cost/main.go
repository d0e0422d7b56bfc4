// Command cost calculates what Latchkey costs: `make cost`. It runs the whole product on this machine and measures each kind of
// request: store calls and capacity units, CPU time, and bytes logged and returned. With the list prices in prices.yaml, it prints
// dollars per million requests, including those of attackers, and dollars per month beside other services.
//
// The latencies of AWS are not measured. They and the pattern of use are assumptions in prices.yaml. infra/docs/cost.md describes the
// method and contains a result. The command needs Linux, because it reads the CPU time of processes from /proc.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// timeout ends a run that hangs.
const timeout = 10 * time.Minute

// now is the only clock of the command.
var now = time.Now //nolint:forbidigo // this is the composition root

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	samples := flag.Int("samples", 20, "number of measured requests of each kind")
	flag.Parse()
	if err := run(ctx, *samples, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "cost:", err)
		stop()
		os.Exit(1)
	}
}

// run prints the tables to out and its current step to progress.
func run(ctx context.Context, samples int, out, progress io.Writer) error {
	prices, err := readPrices(pricesFile)
	if err != nil {
		return err
	}
	fmt.Fprintln(progress, "building the functions and starting the product")
	table := &costs{}
	// With this factor, the limits are counted but never reached.
	err = withRig(ctx, "1000", func(r *rig) error {
		if err := measureRows(ctx, r, prices, table, samples, honest, progress); err != nil {
			return err
		}
		fmt.Fprintln(progress, "measuring", mail)
		usage, err := r.measureMail(ctx, samples)
		if err != nil {
			return err
		}
		if err := table.add(r, prices, row{name: mail, folder: mailer}, usage); err != nil {
			return err
		}
		return measureRows(ctx, r, prices, table, samples, hostile, progress)
	})
	if err != nil {
		return err
	}
	err = withRig(ctx, "1", func(r *rig) error { return measureRows(ctx, r, prices, table, samples, floods, progress) })
	if err != nil {
		return err
	}
	table.print(out)
	printMonths(out, prices, table.perMillion())
	return nil
}

// withRig calls measure with a running product, whose rate limits are those of a deployed stack times factor.
func withRig(ctx context.Context, factor string, measure func(*rig) error) error {
	r, err := startRig(ctx, map[string]string{"RATE_LIMIT_FACTOR": factor})
	if err != nil {
		return err
	}
	defer r.Close()
	return measure(r)
}

func measureRows(ctx context.Context, r *rig, prices *prices, table *costs, samples int, rows []row, progress io.Writer) error {
	for _, row := range rows {
		fmt.Fprintln(progress, "measuring", row.name)
		usage, err := r.measure(ctx, row, samples)
		if err != nil {
			return err
		}
		if err := table.add(r, prices, row, usage); err != nil {
			return err
		}
	}
	return nil
}
