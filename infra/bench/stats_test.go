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

func TestQuantile(t *testing.T) {
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(100 - i)
	}
	for name, test := range map[string]struct {
		samples []time.Duration
		part    float64
		want    time.Duration
	}{
		"one sample":           {[]time.Duration{7}, 0.95, 7},
		"a hundred":            {hundred, 0.95, 95},
		"the maximum of few":   {[]time.Duration{1, 9, 5}, 0.95, 9},
		"the smallest":         {hundred, 0, 1},
		"half of an even list": {[]time.Duration{4, 1, 3, 2}, 0.5, 2},
	} {
		if got := quantile(test.samples, test.part); got != test.want {
			t.Errorf("%s: got %d, want %d", name, got, test.want)
		}
	}
}
