package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"latchkey/infra/report"
)

const docs = "../docs"

// committed returns the output in the page, and the plot.
func committed(t *testing.T) (output, drawn string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(docs, page))
	if err != nil {
		t.Fatal(err)
	}
	if output, err = report.Output(string(text), command); err != nil {
		t.Fatalf("%s: %v", page, err)
	}
	svg, err := os.ReadFile(filepath.Join(docs, plot))
	if err != nil {
		t.Fatal(err)
	}
	return output, string(svg)
}

func TestThePlotShowsTheOutputInThePage(t *testing.T) {
	output, drawn := committed(t)
	want, err := drawMonths(output)
	if err != nil {
		t.Fatal(err)
	}
	if drawn != want {
		t.Errorf("infra/docs/%s is not the plot of the output in infra/docs/%s with infra/cost/prices.yaml: run `%s`", plot, page, command)
	}
}

// TestTheMonthsInThePageFollowFromItsRows checks that the page was measured with the prices and the pattern of use in prices.yaml. The
// rows have two decimals, so the month of a million users is exact to a per cent.
func TestTheMonthsInThePageFollowFromItsRows(t *testing.T) {
	output, _ := committed(t)
	prices := listPrices(t)
	requests, months, _ := strings.Cut(output, monthsTitle)
	perMillion := map[string]float64{}
	for name := range prices.Pattern.Times {
		cells, found := report.Row(requests, name)
		if !found {
			t.Fatalf("infra/docs/%s has no row %q: run `%s`", page, name, command)
		}
		total, err := strconv.ParseFloat(cells[len(cells)-1], 64)
		if err != nil {
			t.Fatalf("the total of %s: %v", name, err)
		}
		perMillion[name] = total
	}
	own, err := ownMonths(output)
	if err != nil {
		t.Fatal(err)
	}
	for _, point := range own.Points {
		if want := prices.month(point.X, perMillion); point.Y < want*0.97-0.01 || point.Y > want*1.03+0.01 {
			t.Errorf("%v users: the page says %v dollars a month, want %.2f: run `%s`", point.X, point.Y, want, command)
		}
	}
	for _, service := range prices.Services {
		cells, _ := report.Row(months, service.Name)
		for i, users := range userCounts {
			if want := listPrice(service.monthlyPrice(users)); i >= len(cells) || cells[i] != want {
				t.Errorf("%s, %v users: the page says %v, want %s: run `%s`", service.Name, users, cells, want, command)
			}
		}
	}
}
