package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// bar is the range in which a ratio must lie. A row with the zero bar has no limit; it explains another row.
type bar struct{ least, most float64 }

func atMost(most float64) bar { return bar{most: most} }

func between(least, most float64) bar { return bar{least: least, most: most} }

func (b bar) String() string {
	switch {
	case b.most == 0:
		return "-"
	case b.least == 0:
		return fmt.Sprintf("<= %.2f", b.most)
	default:
		return fmt.Sprintf("%.2f-%.2f", b.least, b.most)
	}
}

func (b bar) verdict(ratio float64) string {
	switch {
	case b.most == 0:
		return "-"
	case ratio < b.least || ratio > b.most:
		return "over"
	default:
		return "ok"
	}
}

// report is the table that is printed at the end.
type report struct {
	writer *tabwriter.Writer
	over   int
}

func newReport(out io.Writer) *report {
	r := &report{writer: tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)}
	fmt.Fprintln(r.writer, "what\tmeasured\tfloor\tratio\tbar\t")
	return r
}

func (r *report) add(what string, measured *pair, bar bar) {
	ratio := measured.ratio()
	verdict := bar.verdict(ratio)
	if verdict == "over" {
		r.over++
	}
	fmt.Fprintf(r.writer, "%s\t%v\t%v\t%.2f\t%v\t%s\n",
		what, short(median(measured.subject)), short(median(measured.floor)), ratio, bar, verdict)
}

// short returns a duration in milliseconds, so that the values of a column are easy to compare.
func short(d time.Duration) string {
	return fmt.Sprintf("%.3f ms", float64(d)/float64(time.Millisecond))
}
