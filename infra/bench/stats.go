package main

import (
	"slices"
	"time"
)

// median of at least one sample; of an even number, the mean of the two in the middle.
func median(samples []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(samples))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// pair is the samples of two things that were measured in turns.
type pair struct {
	subject []time.Duration
	floor   []time.Duration
}

func (p *pair) add(subject, floor time.Duration) {
	p.subject, p.floor = append(p.subject, subject), append(p.floor, floor)
}

// ratio is that of the medians. What disturbs the machine disturbs both in the same way, and a median forgets outliers.
func (p *pair) ratio() float64 {
	return float64(median(p.subject)) / float64(median(p.floor))
}
