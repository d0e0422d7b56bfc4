package report

import "fmt"

// Range is a row of a plot: a median and a higher quantile.
type Range struct {
	Name         string
	Median, High float64
}

// Ranges is a plot of a horizontal range for each row, with a logarithmic axis. The values are written beside it.
type Ranges struct {
	Title, Description string
	Label              string // of the axis, with the unit
	Tick               func(float64) string
	Low, High          float64
	Rows               []Range
	Notes              []string
}

// The layout of Ranges, in pixels. The names are on the left and the values on the right.
const (
	rangesLeft, rangesRight = 280.0, 840.0
	rangesTop, rowHeight    = 92.0, 24.0
)

// SVG draws the plot.
func (r Ranges) SVG() string {
	bottom := rangesTop + rowHeight*float64(len(r.Rows))
	d := newDrawing(bottom+70+noteHeight*float64(len(r.Notes)), r.Title, r.Description)
	x := scale{r.Low, r.High, rangesLeft, rangesRight}
	d.text(rangesRight+140, rangesTop-14, "note end", "median – p95")
	for _, value := range x.decades() {
		d.line("grid", x.at(value), rangesTop, x.at(value), bottom)
		d.text(x.at(value), bottom+21, "note middle", r.Tick(value))
	}
	d.line("axis", rangesLeft, bottom, rangesRight, bottom)
	d.text((rangesLeft+rangesRight)/2, bottom+44, "note middle", r.Label)
	for i, row := range r.Rows {
		y := rangesTop + rowHeight*(float64(i)+0.5)
		d.text(rangesLeft-14, y+5, "end", row.Name)
		d.line("range s0", x.at(row.Median), y, x.at(row.High), y)
		d.dot("d0", x.at(row.Median), y)
		d.text(rangesRight+140, y+5, "note end", digits(row.Median)+" – "+digits(row.High))
	}
	for i, note := range r.Notes {
		d.text(24, bottom+66+noteHeight*float64(i), "note", note)
	}
	return d.end()
}

// digits formats a value with two decimals, or with one from 10 on.
func digits(value float64) string {
	if value < 10 {
		return fmt.Sprintf("%.2f", value)
	}
	return fmt.Sprintf("%.1f", value)
}
