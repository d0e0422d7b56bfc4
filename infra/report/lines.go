package report

import (
	"fmt"
	"slices"
	"strings"
)

// Point is a value of a series at a position.
type Point struct{ X, Y float64 }

// Series is a line of a plot.
type Series struct {
	Name   string
	Points []Point // in the order of X; those with Y 0 lie below the plot and are left out
}

// Lines is a plot of series with logarithmic axes. Each line has its name at its end.
type Lines struct {
	Title, Description string
	XLabel, YLabel     string
	XTick, YTick       func(float64) string // the labels of powers of ten
	LowX, HighX        float64
	LowY, HighY        float64
	Notes              []string // below the plot
	Series             []Series // the first one is emphasized; at most five
	Free               Free
}

// Free is a note about a series that is zero up to an end and unknown beyond. It is drawn along the horizontal axis.
type Free struct {
	Text string // "" draws nothing
	End  float64
}

// The layout of Lines, in pixels. The names of the lines are on the right.
const (
	linesLeft, linesRight = 100.0, 760.0
	linesTop, linesBottom = 84.0, 480.0
	noteHeight            = 19.0
	labelHeight           = 18.0 // the smallest distance of two names
)

// SVG draws the plot.
func (l Lines) SVG() string {
	height := linesBottom + 70 + noteHeight*float64(len(l.Notes))
	d := newDrawing(height, l.Title, l.Description)
	x := scale{l.LowX, l.HighX, linesLeft, linesRight}
	y := scale{l.LowY, l.HighY, linesBottom, linesTop}
	d.text(24, 62, "note", l.YLabel)
	for _, value := range y.decades() {
		d.line("grid", linesLeft, y.at(value), linesRight, y.at(value))
		d.text(linesLeft-10, y.at(value)+5, "note end", l.YTick(value))
	}
	for _, value := range x.decades() {
		d.line("grid", x.at(value), linesTop, x.at(value), linesBottom)
		d.text(x.at(value), linesBottom+21, "note middle", l.XTick(value))
	}
	d.line("axis", linesLeft, linesBottom, linesRight, linesBottom)
	d.line("axis", linesLeft, linesTop, linesLeft, linesBottom)
	d.text((linesLeft+linesRight)/2, linesBottom+44, "note middle", l.XLabel)
	for i, series := range slices.Backward(l.Series) { // the first one is on top
		d.series(i, series, x, y)
	}
	if l.Free.Text != "" {
		d.line("range s5", linesLeft+4, linesBottom-6, x.at(l.Free.End), linesBottom-6)
		d.text(linesLeft+8, linesBottom-14, "note", l.Free.Text)
	}
	l.names(d, y)
	for i, note := range l.Notes {
		d.text(24, linesBottom+66+noteHeight*float64(i), "note", note)
	}
	return d.end()
}

func (d *drawing) series(n int, series Series, x, y scale) {
	var path []string
	for _, point := range series.Points {
		if point.Y > 0 {
			path = append(path, pixels(x.at(point.X))+","+pixels(y.at(point.Y)))
		}
	}
	fmt.Fprintf(d, `  <polyline class="line s%d" points="%s"/>`+"\n", n, strings.Join(path, " "))
}

// names writes the name of each line beside its end, and moves names apart that would overlap.
func (l Lines) names(d *drawing, y scale) {
	type label struct {
		series int
		y      float64
	}
	var labels []label
	for i, series := range l.Series {
		labels = append(labels, label{i, y.at(series.Points[len(series.Points)-1].Y)})
	}
	slices.SortFunc(labels, func(a, b label) int { return int(a.y - b.y) })
	for i := 1; i < len(labels); i++ {
		labels[i].y = max(labels[i].y, labels[i-1].y+labelHeight)
	}
	for _, label := range labels {
		class := fmt.Sprintf("d%d", label.series)
		d.dot(class, linesRight+14, label.y)
		if label.series == 0 {
			d.text(linesRight+26, label.y+5, "first", l.Series[0].Name)
			continue
		}
		d.text(linesRight+26, label.y+5, "", l.Series[label.series].Name)
	}
}
