// Package report contains what the measuring commands have in common: bars, the pages of infra/docs that contain their output, and
// plots.
//
// A plot is drawn from the output in its page, so a test can draw it again and compare.
package report

import (
	"math"
	"strconv"
)

// Bar is the range in which a measured value must lie. The zero Bar has no limit; its row explains another one.
type Bar struct{ least, most float64 }

// AtMost returns a Bar without a lower end.
func AtMost(most float64) Bar { return Bar{least: math.Inf(-1), most: most} }

// AtLeast returns a Bar without an upper end.
func AtLeast(least float64) Bar { return Bar{least: least, most: math.Inf(1)} }

// Between returns a Bar with two ends.
func Between(least, most float64) Bar { return Bar{least: least, most: most} }

// String returns the Bar for a table.
func (b Bar) String() string {
	switch {
	case b == Bar{}:
		return "-"
	case math.IsInf(b.least, -1):
		return "<= " + number(b.most)
	case math.IsInf(b.most, 1):
		return ">= " + number(b.least)
	default:
		return number(b.least) + "-" + number(b.most)
	}
}

// number formats an end. It has two decimals unless it is a whole number of at least two digits.
func number(value float64) string {
	if value == math.Trunc(value) && value >= 10 {
		return strconv.FormatFloat(value, 'f', 0, 64)
	}
	return strconv.FormatFloat(value, 'f', 2, 64)
}

// The results of Verdict.
const (
	Met    = "ok"
	Missed = "over"
	None   = "-" // there is no bar
)

// Verdict compares a value with the Bar. Both ends belong to it.
func (b Bar) Verdict(value float64) string {
	switch {
	case b == Bar{}:
		return None
	case value < b.least || value > b.most:
		return Missed
	default:
		return Met
	}
}

// Count formats a whole number with a comma after each three digits.
func Count(number int) string {
	text := strconv.Itoa(number)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
