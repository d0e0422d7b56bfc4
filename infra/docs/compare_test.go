package docs_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// compare returns an error if the output differs from the one that the guide shows. "…" matches any text within a line or a string. In
// JSON, an id, a time and a number of seconds since 1970 match any other of their kind. Everything else must be equal, including the
// order of members.
func (o output) compare(printed string) error {
	switch o.form {
	case "json":
		return o.compareJSON(printed)
	case "text":
		return o.compareText(printed)
	default:
		if printed != "" {
			return fmt.Errorf("got output %q, want none", printed)
		}
		return nil
	}
}

func (o output) compareText(printed string) error {
	want, got := strings.Split(strings.TrimSuffix(o.text, "\n"), "\n"), strings.Split(strings.TrimSuffix(printed, "\n"), "\n")
	if len(want) != len(got) {
		return fmt.Errorf("got %d lines, want %d", len(got), len(want))
	}
	for i := range want {
		if !alike(want[i], got[i]) {
			return fmt.Errorf("got the line %q, want %q", got[i], want[i])
		}
	}
	return nil
}

// compareJSON compares one or more documents.
func (o output) compareJSON(printed string) error {
	want, err := tokens(o.text)
	if err != nil {
		return fmt.Errorf("the guide shows invalid JSON: %w", err)
	}
	got, err := tokens(printed)
	if err != nil {
		return fmt.Errorf("the output is invalid JSON: %w", err)
	}
	for i := range min(len(want), len(got)) {
		if !alikeTokens(want[i], got[i]) {
			return fmt.Errorf("got %v, want %v", got[i], want[i])
		}
	}
	if len(want) != len(got) {
		return fmt.Errorf("got %d tokens, want %d", len(got), len(want))
	}
	return nil
}

func tokens(text string) (all []json.Token, err error) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		all = append(all, token)
	}
}

// volatile matches the values that differ from run to run: an id, a time, and seconds since 1970.
var volatile = []*regexp.Regexp{
	regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`),
	regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`),
	regexp.MustCompile(`^[12]\d{9}$`),
}

// alikeTokens reports whether two tokens have the same type and match. The names of members are strings here.
func alikeTokens(want, got json.Token) bool {
	switch want := want.(type) {
	case string:
		text, is := got.(string)
		return is && alike(want, text)
	case json.Number:
		number, is := got.(json.Number)
		return is && alike(want.String(), number.String())
	default:
		return want == got
	}
}

func alike(want, got string) bool {
	for _, form := range volatile {
		if form.MatchString(want) && form.MatchString(got) {
			return true
		}
	}
	pattern := strings.ReplaceAll(regexp.QuoteMeta(want), "…", ".*")
	return regexp.MustCompile(`^(?s:` + pattern + `)$`).MatchString(got)
}

func TestCompare(t *testing.T) {
	const id, other = `"550e8400-e29b-41d4-a716-446655440000"`, `"ced4d55f-c6e9-4af8-b985-24c0836459e0"`
	tests := map[string]struct {
		form, want, got string
		differ          bool
	}{
		"the same":                 {"json", `{"a": 1, "b": [true, null]}`, `{"a":1,"b":[true,null]}`, false},
		"two documents":            {"json", "{\"a\": 1}\n{\"a\": 2}", `{"a":1}{"a":2}`, false},
		"one of two":               {"json", `{"a": 1}`, `{"a":1}{"a":2}`, true},
		"an additional member":     {"json", `{"a": 1}`, `{"a":1,"b":2}`, true},
		"a missing member":         {"json", `{"a": 1, "b": 2}`, `{"a":1}`, true},
		"another member":           {"json", `{"a": 1}`, `{"b":1}`, true},
		"another number":           {"json", `604800`, `604799`, true},
		"a number as a string":     {"json", `1`, `"1"`, true},
		"another letter case":      {"json", `"bearer"`, `"Bearer"`, true},
		"false for null":           {"json", `null`, `false`, true},
		"invalid JSON":             {"json", `{}`, `<html>`, true},
		"another id":               {"json", id, other, false},
		"a number for an id":       {"json", id, `"42"`, true},
		"another time":             {"json", `"2026-11-24T15:20:00.123Z"`, `"2027-01-02T03:04:05.678Z"`, false},
		"a time in another form":   {"json", `"2026-11-24T15:20:00.123Z"`, `"2027-01-02 03:04:05"`, true},
		"another second":           {"json", `1796150944`, `1895546144`, false},
		"milliseconds":             {"json", `1796150944`, `1895546144000`, true},
		"a token":                  {"json", `"eyJ…"`, `"eyJhbGciOi.x.y"`, false},
		"another prefix":           {"json", `"eyJ…"`, `"AQINrRHO"`, true},
		"lines":                    {"text", "200 ada\n…", "200 ada\nx", false},
		"an additional line":       {"text", "200 ada\n", "200 ada\nx", true},
		"another line":             {"text", "200 ada\n", "403 ada\n", true},
		"an ellipsis for one line": {"text", "a…\n", "a\nb\n", true},
		"an id among text":         {"text", "550e8400-e29b-41d4-a716-446655440000", "ced4d55f-c6e9-4af8-b985-24c0836459e0", false},
		"nothing":                  {"", "", "", false},
		"unexpected output":        {"", "", "x", true},
	}
	for _, name := range slices.Sorted(maps.Keys(tests)) {
		test := tests[name]
		t.Run(name, func(t *testing.T) {
			if err := (output{form: test.form, text: test.want}).compare(test.got); (err != nil) != test.differ {
				t.Errorf("comparing %q with %q: got error %v, want an error: %t", test.got, test.want, err, test.differ)
			}
		})
	}
}
