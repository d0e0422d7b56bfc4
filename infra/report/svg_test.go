package report_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"testing"

	"latchkey/infra/report"
)

// label is a text of a plot.
type label struct {
	X    float64 `xml:"x,attr"`
	Y    float64 `xml:"y,attr"`
	Text string  `xml:",chardata"`
}

// parse returns the texts of a plot by their content. The plot must be well-formed.
func parse(t *testing.T, svg string) map[string]label {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(svg))
	labels := map[string]label{}
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return labels
		}
		if err != nil {
			t.Fatalf("parsing the plot: %v\n%s", err, svg)
		}
		element, is := token.(xml.StartElement)
		if !is || element.Name.Local != "text" {
			continue
		}
		var one label
		if err := decoder.DecodeElement(&one, &element); err != nil {
			t.Fatalf("parsing a text of the plot: %v", err)
		}
		labels[one.Text] = one
	}
}

func plain(value float64) string { return strconv.FormatFloat(value, 'f', -1, 64) }

// TestTheNamesOfLinesDoNotOverlap draws lines that end at the same value.
func TestTheNamesOfLinesDoNotOverlap(t *testing.T) {
	plot := report.Lines{
		Title: "Fish & <chips>", XTick: plain, YTick: plain, LowX: 1, HighX: 100, LowY: 1, HighY: 1000,
		Free: report.Free{Text: "free", End: 10},
	}
	for i, end := range []float64{500, 500, 510, 20, 490} {
		plot.Series = append(plot.Series, report.Series{
			Name: fmt.Sprintf("series %d", i), Points: []report.Point{{X: 1, Y: 0}, {X: 10, Y: 10}, {X: 100, Y: end}},
		})
	}
	labels := parse(t, plot.SVG())
	for _, text := range []string{"Fish & <chips>", "free", "1", "10", "100", "1000"} {
		if _, found := labels[text]; !found {
			t.Errorf("got no text %q, want one", text)
		}
	}
	for i := range plot.Series {
		for j := range i {
			one, other := labels[plot.Series[i].Name], labels[plot.Series[j].Name]
			if distance := math.Abs(one.Y - other.Y); distance < 18 {
				t.Errorf("%q and %q: got a distance of %v pixels, want at least 18", one.Text, other.Text, distance)
			}
		}
	}
}

func TestRangesShowTheirValues(t *testing.T) {
	plot := report.Ranges{
		Title: "Latency", Tick: plain, Low: 0.01, High: 100,
		Rows: []report.Range{{Name: "me", Median: 0.456, High: 1.2}, {Name: "login", Median: 28.04, High: 950}},
	}
	labels := parse(t, plot.SVG())
	for _, text := range []string{"me", "0.46 – 1.20", "login", "28.0 – 950.0", "0.01", "0.1", "1", "10", "100"} {
		if _, found := labels[text]; !found {
			t.Errorf("got no text %q, want one", text)
		}
	}
	if labels["me"].Y >= labels["login"].Y {
		t.Errorf("got the rows at %v and %v, want them in their order", labels["me"].Y, labels["login"].Y)
	}
}
