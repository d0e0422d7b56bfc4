package main

import (
	"context"
	"fmt"
	"time"

	"latchkey/infra/report"
	"latchkey/infra/testkit/workload"
)

// measureSizes measures each operation with many users in the tables, in turns with the same operation with few users. The durations
// are those that the functions log: from the decoded request to the response, with all calls of the store.
func measureSizes(ctx context.Context, _ *product, effort effort, table *table) error {
	var few, many *workload.Rig
	for _, start := range []struct {
		rig   **workload.Rig
		users int
	}{{&few, effort.few}, {&many, effort.many}} {
		rig, err := workload.Start(ctx, workload.Options{Users: start.users, Direct: true, Now: now})
		if err != nil {
			return fmt.Errorf("starting the product with %d users: %w", start.users, err)
		}
		defer rig.Close()
		*start.rig = rig
	}
	for _, row := range workload.Honest {
		requests := effort.requests
		if row.Mailed {
			requests = effort.mailed
		}
		var measured pair
		for round := range requests + 1 {
			slow, err := timed(ctx, many, row)
			if err != nil {
				return err
			}
			fast, err := timed(ctx, few, row)
			if err != nil {
				return err
			}
			if round > 0 { // the first round starts the processes
				measured.add(slow, fast)
			}
		}
		table.add(row.Name+sizesSuffix(effort), &measured, report.AtMost(1.5))
	}
	return nil
}

// sizesSuffix is the end of the name of a row of measureSizes.
func sizesSuffix(effort effort) string {
	return fmt.Sprintf(", %s / %s users", report.Count(effort.many), report.Count(effort.few))
}

// timed sends a request of the row from a new visitor and returns the duration that the function logs.
func timed(ctx context.Context, rig *workload.Rig, row workload.Row) (time.Duration, error) {
	visitor := rig.NewVisitor()
	req, err := visitor.Prepare(ctx, row)
	if err != nil {
		return 0, err
	}
	before := rig.Logs.Of(row.Folder)
	if _, err := visitor.Send(ctx, row, req); err != nil {
		return 0, err
	}
	after, err := rig.Logs.Await(ctx, row.Folder, before.Lines+row.Lines)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", row.Name, err)
	}
	return after.Duration, nil
}
