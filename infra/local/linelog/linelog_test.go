package linelog

import (
	"slices"
	"strings"
	"testing"
)

// written has what each Write wrote.
type written []string

// Write implements [io.Writer].
func (w *written) Write(text []byte) (int, error) {
	*w = append(*w, string(text))
	return len(text), nil
}

func TestWriter(t *testing.T) {
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
			var out written
			w := New(&out).Writer("f")
			for _, text := range test.writes {
				if n, err := w.Write([]byte(text)); n != len(text) || err != nil {
					t.Errorf("Write gave %d, %v", n, err)
				}
			}
			w.Flush()
			if !slices.Equal(out, test.want) {
				t.Errorf("got %d lines %.80q, want %d", len(out), out, len(test.want))
			}
		})
	}
}
