package workload

import (
	"strings"
	"testing"
)

func TestSizeInAWS(t *testing.T) {
	for line, want := range map[string]int{
		`{"function":"Me"}` + "\n":                                  17 + 62,
		`{"request_id":"1234"}`:                                     21 + 32,
		`{"source":"127.0.0.1"}`:                                    22 + 14,
		`{"source":"` + strings.Repeat("x", 30) + `"}`:              43,
		`{"function":"Me","request_id":"1","source":"","status":1}`: 57 + 62 + 35 + 23,
		"panic: no JSON\n":                                          14,
	} {
		if got := sizeInAWS([]byte(line)); got != want {
			t.Errorf("%q: got %d bytes, want %d", line, got, want)
		}
	}
}
