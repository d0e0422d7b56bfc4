package password

import (
	_ "embed" // for common
	"strings"
)

// common has the most common passwords, folded by foldCase, one a line, sorted by byte. README.md has its origin and
// licence. It is searched as text where it lies in the binary (160 KB): a map of it would be built in every cold start.
//
//go:embed common.txt
var common string

// isCommon says whether a folded password is a line of common, by binary search: low and high are always the start of a
// line or the end.
func isCommon(folded string) bool {
	low, high := 0, len(common)
	for low < high {
		start := low + strings.LastIndexByte(common[low:low+(high-low)/2], '\n') + 1
		line, _, _ := strings.Cut(common[start:high], "\n")
		switch {
		case line == folded:
			return true
		case line < folded:
			low = start + len(line) + 1
		default:
			high = start
		}
	}
	return false
}
