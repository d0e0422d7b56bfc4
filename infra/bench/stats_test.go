package main

import (
	"slices"
	"testing"
	"time"
)

func TestMedian(t *testing.T) {
	for name, test := range map[string]struct {
		samples []time.Duration
		want    time.Duration
	}{
		"one sample":                       {[]time.Duration{7}, 7},
		"odd number, unsorted":             {[]time.Duration{9, 1, 5}, 5},
		"even number, the mean of the two": {[]time.Duration{4, 1, 100, 2}, 3},
		"outlier":                          {[]time.Duration{3, 3, 3, 3, 1e9}, 3},
		"equal samples":                    {[]time.Duration{2, 2}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			before := slices.Clone(test.samples)
			if got := median(test.samples); got != test.want {
				t.Errorf("median of %v: got %d, want %d", test.samples, got, test.want)
			}
			if !slices.Equal(test.samples, before) { // pairs of samples must stay together
				t.Errorf("got the samples %v afterwards, want the order %v", test.samples, before)
			}
		})
	}
}

func TestRatio(t *testing.T) {
	var p pair
	for _, sample := range [][2]time.Duration{{30, 20}, {33, 22}, {3000, 21}} {
		p.add(sample[0], sample[1])
	}
	if got, want := p.ratio(), 33.0/21.0; got != want {
		t.Errorf("ratio of %+v: got %v, want %v, the ratio of the medians", p, got, want)
	}
}

func TestBar(t *testing.T) {
	for name, test := range map[string]struct {
		bar   bar
		ratio float64
		want  string
	}{
		"below":              {atMost(1.15), 1.1, "ok"},
		"exactly at":         {atMost(1.15), 1.15, "ok"},
		"above":              {atMost(1.15), 1.151, "over"},
		"no bar":             {bar{}, 99, "-"},
		"within a band":      {between(0.95, 1.05), 1.0, "ok"},
		"below a band":       {between(0.95, 1.05), 0.94, "over"},
		"above a band":       {between(0.95, 1.05), 1.06, "over"},
		"upper end included": {between(0.95, 1.05), 1.05, "ok"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.bar.verdict(test.ratio); got != test.want {
				t.Errorf("%v with the bar %v: got %q, want %q", test.ratio, test.bar, got, test.want)
			}
		})
	}
}
