package main

import (
	"math"
	"slices"
	"time"
)

// median returns the median of at least one sample. For an even number, it is the mean of the two middle samples.
func median[N time.Duration | float64](samples []N) N {
	sorted := slices.Sorted(slices.Values(samples))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// quantile returns the smallest of at least one sample that a part of the samples does not exceed.
func quantile[N time.Duration | float64](samples []N, part float64) N {
	sorted := slices.Sorted(slices.Values(samples))
	return sorted[max(0, int(math.Ceil(part*float64(len(sorted))))-1)]
}

// pair holds the samples of a subject and its floor, measured in turns.
type pair struct {
	subject []time.Duration
	floor   []time.Duration
}

func (p *pair) add(subject, floor time.Duration) {
	p.subject, p.floor = append(p.subject, subject), append(p.floor, floor)
}

// ratio returns the ratio of the medians. A disturbance of the machine affects both in the same way, and a median ignores outliers.
func (p *pair) ratio() float64 {
	return float64(median(p.subject)) / float64(median(p.floor))
}
