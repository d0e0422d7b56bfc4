package report_test

import (
	"testing"

	"latchkey/infra/report"
)

func TestBarOfTable(t *testing.T) {
	for want, bar := range map[string]report.Bar{
		"<= 1.50": report.AtMost(1.5), "<= 190": report.AtMost(190), ">= 60": report.AtLeast(60), "0.95-1.05": report.Between(0.95, 1.05),
		"-": {},
	} {
		if got := bar.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestBar(t *testing.T) {
	for name, test := range map[string]struct {
		bar   report.Bar
		ratio float64
		want  string
	}{
		"below":              {report.AtMost(1.15), 1.1, "ok"},
		"exactly at":         {report.AtMost(1.15), 1.15, "ok"},
		"above":              {report.AtMost(1.15), 1.151, "over"},
		"no bar":             {report.Bar{}, 99, "-"},
		"within a band":      {report.Between(0.95, 1.05), 1.0, "ok"},
		"below a band":       {report.Between(0.95, 1.05), 0.94, "over"},
		"above a band":       {report.Between(0.95, 1.05), 1.06, "over"},
		"below a least":      {report.AtLeast(60), 59, "over"},
		"exactly at a least": {report.AtLeast(60), 60, "ok"},
		"at most none":       {report.AtMost(0), 0, "ok"},
		"upper end included": {report.Between(0.95, 1.05), 1.05, "ok"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.bar.Verdict(test.ratio); got != test.want {
				t.Errorf("%v with the bar %v: got %q, want %q", test.ratio, test.bar, got, test.want)
			}
		})
	}
}
