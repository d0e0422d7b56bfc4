package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"

	"latchkey/infra/report"
)

// The files in infra/docs that a run writes, and the command that their readers use.
const (
	page    = "performance.md"
	plot    = "latency.svg"
	command = "make bench"
)

// document writes the output into the page in a folder, and the plot of it beside the page.
func document(folder, output string) error {
	drawn, err := drawLatency(output)
	if err != nil {
		return err
	}
	if err := report.WriteOutput(filepath.Join(folder, page), command, output); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, plot), []byte(drawn), 0o644)
}

// sizesRow matches a row of measureSizes: the operation, the number of users, the median and the 95th percentile.
var sizesRow = regexp.MustCompile(`(?m)^(.+), ([0-9,]+) / [0-9,]+ users +([0-9.]+) ms +([0-9.]+) ms `)

// The ends of the axis of the plot, in milliseconds.
const lowLatency, highLatency = 0.01, 100

// drawLatency draws the median and the 95th percentile of each operation in an output.
func drawLatency(output string) (string, error) {
	matches := sizesRow.FindAllStringSubmatch(output, -1)
	if len(matches) == 0 {
		return "", errors.New("the output has no row of an operation by the number of users")
	}
	plot := report.Ranges{
		Title:       "Latency by operation, with " + matches[0][2] + " users in the tables",
		Description: "The time of each operation in its function, with the calls of the store on the same machine.",
		Label:       "milliseconds in the function, with the store on the same machine",
		Tick:        func(value float64) string { return strconv.FormatFloat(value, 'f', -1, 64) },
		Low:         lowLatency, High: highLatency,
		Notes: []string{"Dots are medians. Lines end at the 95th percentile. A password hash takes most of the time of the slow operations."},
	}
	for _, match := range matches {
		low, lowErr := strconv.ParseFloat(match[3], 64)
		high, highErr := strconv.ParseFloat(match[4], 64)
		if err := errors.Join(lowErr, highErr); err != nil {
			return "", fmt.Errorf("reading the row of %s: %w", match[1], err)
		}
		plot.Rows = append(plot.Rows, report.Range{Name: match[1], Median: low, High: high})
	}
	return plot.SVG(), nil
}
