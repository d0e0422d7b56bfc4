// Command cost says what Latchkey costs: `make cost`. It runs the whole product on this machine, measures what each kind of request
// takes (calls and units of the store, CPU time, bytes logged and answered), and prices that by the list of prices.yaml: dollars per
// million requests, honest and hostile, and per month for so many users beside what others ask for.
//
// It measures no latency of AWS's: that, and how people use the product, is assumed in prices.yaml. infra/docs/cost.md has the method
// and a result. It needs Linux, where Lambda runs.
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

// limit ends a run that hangs.
const limit = 10 * time.Minute

// now is the one clock of the command.
var now = time.Now //nolint:forbidigo // this is the composition root

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	samples := flag.Int("samples", 20, "requests of each kind that are measured")
	flag.Parse()
	if err := run(ctx, *samples, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "cost:", err)
		stop()
		os.Exit(1)
	}
}

// run prints the tables to out and what it is doing to progress.
func run(ctx context.Context, samples int, out, progress io.Writer) error {
	prices, err := readPrices(pricesFile)
	if err != nil {
		return err
	}
	fmt.Fprintln(progress, "building the functions and starting the product")
	table := &costs{}
	// Limits are counted, and reached by nobody.
	err = onRig(ctx, "1000", func(r *rig) error {
		if err := measureRows(ctx, r, prices, table, samples, honest, progress); err != nil {
			return err
		}
		fmt.Fprintln(progress, "measuring", mail)
		took, err := r.measureMail(ctx, samples)
		if err != nil {
			return err
		}
		if err := table.add(r, prices, row{name: mail, folder: mailer}, took); err != nil {
			return err
		}
		return measureRows(ctx, r, prices, table, samples, hostile, progress)
	})
	if err != nil {
		return err
	}
	err = onRig(ctx, "1", func(r *rig) error { return measureRows(ctx, r, prices, table, samples, floods, progress) })
	if err != nil {
		return err
	}
	table.print(out)
	printMonths(out, prices, table.perMillion())
	return nil
}

// onRig starts the product with limits so many times those of a deployed stack, and ends it after act.
func onRig(ctx context.Context, factor string, act func(*rig) error) error {
	r, err := startRig(ctx, map[string]string{"RATE_LIMIT_FACTOR": factor})
	if err != nil {
		return err
	}
	defer r.close()
	return act(r)
}

func measureRows(ctx context.Context, r *rig, prices *prices, table *costs, samples int, rows []row, progress io.Writer) error {
	for _, row := range rows {
		fmt.Fprintln(progress, "measuring", row.name)
		took, err := r.measure(ctx, row, samples)
		if err != nil {
			return err
		}
		if err := table.add(r, prices, row, took); err != nil {
			return err
		}
	}
	return nil
}
