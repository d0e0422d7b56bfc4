package password

import (
	_ "embed" // for common
	"strings"
)

// common holds the most common passwords, folded by foldCase, one per line, sorted by byte. README.md has its origin and
// license. It is searched as text in the binary (160 KB), because building a map would slow down each cold start.
//
//go:embed common.txt
var common string

// isCommon reports whether a folded password is a line of common. It uses binary search, in which low and high are always
// the start of a line or the end of the text.
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
