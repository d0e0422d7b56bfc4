package main

import (
	"os"
	"testing"

	"go.yaml.in/yaml/v3"

	"latchkey/infra/report"
)

func TestPriceOfLogs(t *testing.T) {
	if got, want := roundPrices().logs(usage{logLines: 2, logBytes: 1800}), 1.0; !near(got, want) {
		t.Errorf("2,000 bytes of 0.5 dollars per GB: got %v dollars, want %v", got, want)
	}
}

// TestTheBarOfLogs checks that the row with the longest line decides.
func TestTheBarOfLogs(t *testing.T) {
	for longest, want := range map[float64]string{0.3: report.Met, 0.31: report.Missed} {
		rows := costs{{bill: bill{logs: 0.1}}, {bill: bill{logs: longest}}, {bill: bill{logs: 0.2}}}
		if got := logsBar(rows); got.measured != longest || got.bar.Verdict(got.measured) != want {
			t.Errorf("rows of at most %v dollars: got %v, %s; want %v, %s", longest, got.measured, got.bar.Verdict(got.measured), longest, want)
		}
	}
}

// TestLinesAreKeptAsLongAsInProd compares log_months in prices.yaml with LogDays in template.yaml.
func TestLinesAreKeptAsLongAsInProd(t *testing.T) {
	text, err := os.ReadFile("../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var template struct {
		Mappings struct {
			Stages map[string]struct {
				Days float64 `yaml:"LogDays"`
			} `yaml:"Stages"`
		} `yaml:"Mappings"`
	}
	if err := yaml.Unmarshal(text, &template); err != nil {
		t.Fatal(err)
	}
	if got, want := listPrices(t).Assumed.LogMonths, template.Mappings.Stages["prod"].Days/30; got != want {
		t.Errorf("log_months in prices.yaml: got %v, want %v, the LogDays of prod in template.yaml", got, want)
	}
}
