package lambdahost

import (
	"slices"
	"strings"
	"testing"
)

func TestLineWriter(t *testing.T) {
	long := strings.Repeat("x", maxLine)
	tests := map[string]struct{ writes, want []string }{
		"a line in pieces":        {[]string{"on", "e\ntw", "o\n"}, []string{"f | one\n", "f | two\n"}},
		"an end without line end": {[]string{"one\ntwo"}, []string{"f | one\n", "f | two\n"}},
		"empty lines stay":        {[]string{"\n\n"}, []string{"f | \n", "f | \n"}},
		"carriage returns go":     {[]string{"one\r\n"}, []string{"f | one\n"}},
		"a line of full length":   {[]string{long + "\n"}, []string{"f | " + long + "\n"}},
		"a longer line is cut":    {[]string{long, "yz\n"}, []string{"f | " + long + "\n", "f | yz\n"}},
		"nothing":                 {nil, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var out logBuffer
			w := (&lineLog{out: &out}).writer("f")
			for _, text := range test.writes {
				if n, err := w.Write([]byte(text)); n != len(text) || err != nil {
					t.Errorf("Write gave %d, %v", n, err)
				}
			}
			w.flush()
			if !slices.Equal(out.lines, test.want) {
				t.Errorf("got %d lines %.80q, want %d", len(out.lines), out.lines, len(test.want))
			}
		})
	}
}
