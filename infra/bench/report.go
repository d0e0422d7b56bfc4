package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"latchkey/infra/report"
)

// table is the output of the command.
type table struct {
	writer *tabwriter.Writer
	over   int
}

func newTable(out io.Writer) *table {
	t := &table{writer: tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)}
	fmt.Fprintln(t.writer, "what\tmedian\tp95\tfloor\tratio\tbar\t")
	return t
}

// add adds a row that compares a subject with its floor.
func (t *table) add(what string, measured *pair, bar report.Bar) {
	ratio := measured.ratio()
	verdict := bar.Verdict(ratio)
	if verdict == report.Missed {
		t.over++
	}
	fmt.Fprintf(t.writer, "%s\t%s\t%s\t%s\t%.2f\t%v\t%s\n", what, short(median(measured.subject)), short(quantile(measured.subject, 0.95)),
		short(median(measured.floor)), ratio, bar, verdict)
}

// addValues adds a row of values that have no floor. Their unit is in what.
func (t *table) addValues(what string, values []float64, bar report.Bar) {
	middle := median(values)
	verdict := bar.Verdict(middle)
	if verdict == report.Missed {
		t.over++
	}
	fmt.Fprintf(t.writer, "%s\t%.2f\t%.2f\t-\t-\t%v\t%s\n", what, middle, quantile(values, 0.95), bar, verdict)
}

// short returns a duration in milliseconds, so that the values of a column are easy to compare.
func short(d time.Duration) string {
	return fmt.Sprintf("%.3f ms", float64(d)/float64(time.Millisecond))
}
