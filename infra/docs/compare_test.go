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

// compare returns nil if the guide shows what was printed. "…" stands for any text within a line or a string. In JSON, an id, a time
// and a number of seconds since 1970 stand for any other; everything else is as it is shown, and members have their order.
func (s shown) compare(printed string) error {
	switch s.form {
	case "json":
		return s.compareJSON(printed)
	case "text":
		return s.compareText(printed)
	default:
		if printed != "" {
			return errors.New("the guide shows nothing of what it prints")
		}
		return nil
	}
}

func (s shown) compareText(printed string) error {
	want, got := strings.Split(strings.TrimSuffix(s.text, "\n"), "\n"), strings.Split(strings.TrimSuffix(printed, "\n"), "\n")
	if len(want) != len(got) {
		return fmt.Errorf("the guide shows %d lines, there are %d", len(want), len(got))
	}
	for i := range want {
		if !alike(want[i], got[i]) {
			return fmt.Errorf("the guide shows the line %q", want[i])
		}
	}
	return nil
}

// compareJSON compares one document or several.
func (s shown) compareJSON(printed string) error {
	want, err := tokens(s.text)
	if err != nil {
		return fmt.Errorf("the guide shows no JSON: %w", err)
	}
	got, err := tokens(printed)
	if err != nil {
		return fmt.Errorf("this is not JSON: %w", err)
	}
	for i := range min(len(want), len(got)) {
		if !alikeTokens(want[i], got[i]) {
			return fmt.Errorf("the guide shows %v, there is %v", want[i], got[i])
		}
	}
	if len(want) != len(got) {
		return fmt.Errorf("the guide shows %d tokens, there are %d", len(want), len(got))
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

// volatile are the forms of values that differ from run to run.
var volatile = []*regexp.Regexp{
	regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`),
	regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`),
	regexp.MustCompile(`^[12]\d{9}$`),
}

// alikeTokens compares tokens of the same type; names of members are strings here.
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
		"a member more":            {"json", `{"a": 1}`, `{"a":1,"b":2}`, true},
		"a member less":            {"json", `{"a": 1, "b": 2}`, `{"a":1}`, true},
		"another member":           {"json", `{"a": 1}`, `{"b":1}`, true},
		"another number":           {"json", `604800`, `604799`, true},
		"a number as a string":     {"json", `1`, `"1"`, true},
		"another word":             {"json", `"bearer"`, `"Bearer"`, true},
		"false for null":           {"json", `null`, `false`, true},
		"no JSON":                  {"json", `{}`, `<html>`, true},
		"another id":               {"json", id, other, false},
		"no id":                    {"json", id, `"42"`, true},
		"another time":             {"json", `"2026-11-24T15:20:00.123Z"`, `"2027-01-02T03:04:05.678Z"`, false},
		"a time in another form":   {"json", `"2026-11-24T15:20:00.123Z"`, `"2027-01-02 03:04:05"`, true},
		"another second":           {"json", `1796150944`, `1895546144`, false},
		"milliseconds":             {"json", `1796150944`, `1895546144000`, true},
		"a token":                  {"json", `"eyJ…"`, `"eyJhbGciOi.x.y"`, false},
		"something else":           {"json", `"eyJ…"`, `"AQINrRHO"`, true},
		"lines":                    {"text", "200 ada\n…", "200 ada\nx", false},
		"a line more":              {"text", "200 ada\n", "200 ada\nx", true},
		"another line":             {"text", "200 ada\n", "403 ada\n", true},
		"an ellipsis for one line": {"text", "a…\n", "a\nb\n", true},
		"an id among text":         {"text", "550e8400-e29b-41d4-a716-446655440000", "ced4d55f-c6e9-4af8-b985-24c0836459e0", false},
		"nothing":                  {"", "", "", false},
		"something unshown":        {"", "", "x", true},
	}
	for _, name := range slices.Sorted(maps.Keys(tests)) {
		test := tests[name]
		t.Run(name, func(t *testing.T) {
			if err := (shown{form: test.form, text: test.want}).compare(test.got); (err != nil) != test.differ {
				t.Errorf("%q and %q: %v", test.want, test.got, err)
			}
		})
	}
}
