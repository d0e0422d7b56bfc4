package linelog

import (
	"slices"
	"strings"
	"testing"
)

// writeRecorder records the text of each Write.
type writeRecorder []string

// Write implements [io.Writer].
func (w *writeRecorder) Write(text []byte) (int, error) {
	*w = append(*w, string(text))
	return len(text), nil
}

func TestWriter(t *testing.T) {
	long := strings.Repeat("x", maxLine)
	tests := map[string]struct{ writes, want []string }{
		"line in several writes": {[]string{"on", "e\ntw", "o\n"}, []string{"f | one\n", "f | two\n"}},
		"no line end at the end": {[]string{"one\ntwo"}, []string{"f | one\n", "f | two\n"}},
		"empty lines":            {[]string{"\n\n"}, []string{"f | \n", "f | \n"}},
		"carriage return":        {[]string{"one\r\n"}, []string{"f | one\n"}},
		"line of maximum length": {[]string{long + "\n"}, []string{"f | " + long + "\n"}},
		"longer line":            {[]string{long, "yz\n"}, []string{"f | " + long + "\n", "f | yz\n"}},
		"nothing":                {nil, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var out writeRecorder
			w := New(&out).Writer("f")
			for _, text := range test.writes {
				if n, err := w.Write([]byte(text)); n != len(text) || err != nil {
					t.Errorf("Write: got %d, %v; want %d, nil", n, err, len(text))
				}
			}
			w.Flush()
			if !slices.Equal(out, test.want) {
				t.Errorf("writes %.80q: got %d lines %.80q, want %d lines %.80q", test.writes, len(out), out, len(test.want), test.want)
			}
		})
	}
}
