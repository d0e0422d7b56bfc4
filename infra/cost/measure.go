package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"latchkey/infra/local/child"
	"latchkey/infra/testkit/wiretap"
	"latchkey/infra/testkit/workload"
)

// warmUps is the number of requests before the measured ones, so that the function has done everything once.
const warmUps = 1

// scale is a product with a number of users in its tables, and the costs measured there.
type scale struct {
	users    int
	samples  int // measured requests of each kind
	rig      *workload.Rig
	visitors map[string][]*workload.Visitor // of each row
	costs    costs
}

// visit sends one request of each visitor of the rows. Measurements send the second one, because the usual caller has called before:
// what the first request left in the tables is still there.
func (s *scale) visit(ctx context.Context, rows []workload.Row) error {
	s.visitors = map[string][]*workload.Visitor{}
	for _, row := range rows {
		if err := s.awaitMinute(ctx, row); err != nil {
			return err
		}
		for range warmUps + s.samples {
			visitor := s.rig.NewVisitor()
			s.visitors[row.Name] = append(s.visitors[row.Name], visitor)
			req, err := visitor.Prepare(ctx, row)
			if err != nil {
				return err
			}
			if _, err := visitor.Send(ctx, row, req); err != nil {
				return err
			}
		}
	}
	return nil
}

// awaitMinute waits until there is enough time for a row that depends on the minute.
func (s *scale) awaitMinute(ctx context.Context, row workload.Row) error {
	if !row.ByMinute {
		return nil
	}
	return s.rig.AwaitMinute(ctx)
}

// measure sends a request of each visitor of the row and returns the usage of one.
func (s *scale) measure(ctx context.Context, row workload.Row, visitors []*workload.Visitor) (usage, error) {
	if err := s.awaitMinute(ctx, row); err != nil {
		return usage{}, err
	}
	requests := make([]workload.Request, len(visitors))
	for i, visitor := range visitors {
		var err error
		if requests[i], err = visitor.Prepare(ctx, row); err != nil {
			return usage{}, err
		}
	}
	before := s.rig.Logs.Of(row.Folder)
	var usages []usage
	for i, visitor := range visitors {
		one, err := s.send(ctx, row, visitor, requests[i])
		if err != nil {
			return usage{}, err
		}
		usages = append(usages, one)
	}
	return s.logged(ctx, before, row, len(visitors), medians(usages[warmUps:]))
}

// send sends a request and returns its usage without the log. The lines of the log arrive later.
func (s *scale) send(ctx context.Context, row workload.Row, visitor *workload.Visitor, req workload.Request) (usage, error) {
	s.rig.Tap.Reset()
	s.rig.GitHub.Reset()
	before, err := s.cpuOf(row.Folder)
	if err != nil {
		return usage{}, err
	}
	got, err := visitor.Send(ctx, row, req)
	if err != nil {
		return usage{}, err
	}
	after, err := s.cpuOf(row.Folder)
	if err != nil {
		return usage{}, err
	}
	one := sum(s.rig.Tap.AllCalls())
	one.cpu, one.roundTrips = after-before, float64(s.rig.Tap.RoundTrips())
	one.providerCalls, one.bodyBytes = float64(s.rig.GitHub.Total()), float64(len(got.Body))
	return one, nil
}

// measureMail queues mails while the mailer is paused, and then measures the mailer.
func (s *scale) measureMail(ctx context.Context) (usage, error) {
	warm, err := s.rig.QueueMails(ctx, warmUps)
	if err != nil {
		return usage{}, err
	}
	if _, err := s.rig.Deliver(ctx, warm...); err != nil { // starts the mailer
		return usage{}, err
	}
	names, err := s.rig.QueueMails(ctx, s.samples)
	if err != nil {
		return usage{}, err
	}
	s.rig.Tap.Reset()
	before, err := s.cpuOf(workload.Mailer)
	if err != nil {
		return usage{}, err
	}
	logged := s.rig.Logs.Of(workload.Mailer)
	if _, err := s.rig.Deliver(ctx, names...); err != nil {
		return usage{}, err
	}
	after, err := s.cpuOf(workload.Mailer)
	if err != nil {
		return usage{}, err
	}
	one, count := sum(s.rig.Tap.Calls()), float64(s.samples)
	one.storeCalls, one.readUnits, one.writeUnits = one.storeCalls/count, one.readUnits/count, one.writeUnits/count
	one.roundTrips, one.mails = float64(s.rig.Tap.RoundTrips())/count, 1
	one.cpu = (after - before) / time.Duration(s.samples)
	return s.logged(ctx, logged, mailRow, s.samples, one)
}

// mailRow is the row of the work for one mail.
var mailRow = workload.Row{Name: workload.Mail, Folder: workload.Mailer}

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

// medians returns the median of each quantity. It ignores a process that the host has started beside a busy one, whose start belongs
// to no request.
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
		cpu:           time.Duration(median(func(u usage) float64 { return float64(u.cpu) })),
		storeCalls:    median(func(u usage) float64 { return u.storeCalls }),
		roundTrips:    median(func(u usage) float64 { return u.roundTrips }),
		readUnits:     median(func(u usage) float64 { return u.readUnits }),
		writeUnits:    median(func(u usage) float64 { return u.writeUnits }),
		providerCalls: median(func(u usage) float64 { return u.providerCalls }),
		bodyBytes:     median(func(u usage) float64 { return u.bodyBytes }),
	}
}

// logged adds what a function has logged since before for each of a number of requests to the usage of one.
func (s *scale) logged(ctx context.Context, before workload.Logged, row workload.Row, requests int, one usage) (usage, error) {
	after, err := s.rig.Logs.Await(ctx, row.Folder, before.Lines+requests*row.Lines)
	if err != nil {
		return usage{}, fmt.Errorf("%s: %w", row.Name, err)
	}
	one.logLines = float64(after.Lines-before.Lines) / float64(requests)
	one.logBytes = float64(after.Bytes-before.Bytes) / float64(requests)
	return one, nil
}

// cpuOf returns the CPU time of the processes of a function.
func (s *scale) cpuOf(folder string) (time.Duration, error) {
	function, err := s.rig.Function(folder)
	if err != nil {
		return 0, err
	}
	var total time.Duration
	for _, pid := range s.rig.Host.Processes()[function.Name] {
		used, err := child.CPUTime(pid)
		if err != nil {
			return 0, err
		}
		total += used
	}
	return total, nil
}
