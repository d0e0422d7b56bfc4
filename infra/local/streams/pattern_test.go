package streams

import (
	"encoding/json"
	"strings"
	"testing"
)

const sample = `{
	"eventName": "INSERT",
	"dynamodb": {
		"SizeBytes": 120,
		"NewImage": {
			"purpose": {"S": "verify"}, "state": {"S": "queued"}, "tries": {"N": "3"}, "on": {"BOOL": true}, "no": {"NULL": null},
			"tags": {"SS": ["red", "blue"]}, "parts": {"L": [{"S": "one"}, {"S": "two"}]}
		}
	}
}`

func TestPatternMatches(t *testing.T) {
	for name, test := range map[string]struct {
		pattern string
		want    bool
	}{
		"the outbox":                      {outboxOnly, true},
		"a string":                        {`{"eventName":["INSERT"]}`, true},
		"another string":                  {`{"eventName":["REMOVE"]}`, false},
		"letter case":                     {`{"eventName":["insert"]}`, false},
		"one of a list":                   {`{"eventName":["REMOVE","INSERT"]}`, true},
		"both of two fields":              {`{"eventName":["INSERT"],"dynamodb":{"NewImage":{"state":{"S":["queued"]}}}}`, true},
		"one of two fields":               {`{"eventName":["REMOVE"],"dynamodb":{"NewImage":{"state":{"S":["queued"]}}}}`, false},
		"a number that is a string":       {`{"dynamodb":{"NewImage":{"tries":{"N":["3"]}}}}`, true},
		"a string that is no number":      {`{"dynamodb":{"NewImage":{"tries":{"N":[3]}}}}`, false},
		"a number":                        {`{"dynamodb":{"SizeBytes":[120]}}`, true},
		"a truth value":                   {`{"dynamodb":{"NewImage":{"on":{"BOOL":[true]}}}}`, true},
		"the other truth value":           {`{"dynamodb":{"NewImage":{"on":{"BOOL":[false]}}}}`, false},
		"null":                            {`{"dynamodb":{"NewImage":{"no":{"NULL":[null]}}}}`, true},
		"null is not absence":             {`{"dynamodb":{"NewImage":{"other":{"NULL":[null]}}}}`, false},
		"a set has it":                    {`{"dynamodb":{"NewImage":{"tags":{"SS":["blue"]}}}}`, true},
		"a set has it not":                {`{"dynamodb":{"NewImage":{"tags":{"SS":["green"]}}}}`, false},
		"an object in a list":             {`{"dynamodb":{"NewImage":{"parts":{"L":{"S":["two"]}}}}}`, true},
		"no object in a list":             {`{"dynamodb":{"NewImage":{"parts":{"L":{"S":["three"]}}}}}`, false},
		"exists":                          {`{"dynamodb":{"NewImage":{"state":{"S":[{"exists":true}]}}}}`, true},
		"exists, absent":                  {`{"dynamodb":{"NewImage":{"lease":{"S":[{"exists":true}]}}}}`, false},
		"exists, no leaf":                 {`{"dynamodb":{"NewImage":[{"exists":true}]}}`, false},
		"exists not, absent":              {`{"dynamodb":{"NewImage":{"lease":{"S":[{"exists":false}]}}}}`, true},
		"exists not, a parent absent too": {`{"dynamodb":{"OldImage":{"lease":{"S":[{"exists":false}]}}}}`, true},
		"exists not, present":             {`{"dynamodb":{"NewImage":{"state":{"S":[{"exists":false}]}}}}`, false},
		"prefix":                          {`{"eventName":[{"prefix":"INS"}]}`, true},
		"another prefix":                  {`{"eventName":[{"prefix":"NS"}]}`, false},
		"prefix of a number":              {`{"dynamodb":{"SizeBytes":[{"prefix":"1"}]}}`, false},
		"anything but it":                 {`{"eventName":[{"anything-but":"INSERT"}]}`, false},
		"anything but others":             {`{"eventName":[{"anything-but":["REMOVE","MODIFY"]}]}`, true},
		"anything but, absent":            {`{"other":[{"anything-but":"x"}]}`, false},
		"a value or an operator":          {`{"eventName":["REMOVE",{"prefix":"I"}]}`, true},
		"equal":                           {`{"dynamodb":{"SizeBytes":[{"numeric":["=",120]}]}}`, true},
		"in a range":                      {`{"dynamodb":{"SizeBytes":[{"numeric":[">",119,"<=",120]}]}}`, true},
		"below a range":                   {`{"dynamodb":{"SizeBytes":[{"numeric":[">",120,"<=",130]}]}}`, false},
		"above a range":                   {`{"dynamodb":{"SizeBytes":[{"numeric":[">=",1,"<",120]}]}}`, false},
		"a number of DynamoDB is none":    {`{"dynamodb":{"NewImage":{"tries":{"N":[{"numeric":["=",3]}]}}}}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			parsed, err := parsePattern(test.pattern)
			if err != nil {
				t.Fatal(err)
			}
			if got := parsed.matches(decoded(t, sample), true); got != test.want {
				t.Errorf("%s: %v, want %v", test.pattern, got, test.want)
			}
		})
	}
}

func TestPatternIsRefused(t *testing.T) {
	for name, test := range map[string]struct{ pattern, want string }{
		"no JSON":             {`{`, "unexpected end"},
		"a list":              {`["INSERT"]`, "cannot unmarshal"},
		"nothing":             {`{}`, "names no field"},
		"null":                {`null`, "names no field"},
		"a bare value":        {`{"a":"x"}`, "a: it must be a list or an object"},
		"an empty list":       {`{"a":{"b":[]}}`, "a: b: the list is empty"},
		"an empty object":     {`{"a":{}}`, "a: an object names no field"},
		"a list in a list":    {`{"a":[["x"]]}`, "a list stands in a list"},
		"another operator":    {`{"a":[{"suffix":"x"}]}`, "the operator suffix is not understood"},
		"$or":                 {`{"$or":[{"a":["x"]}]}`, "$or is not understood"},
		"no operator":         {`{"a":[{}]}`, "one operator, not 0"},
		"two operators":       {`{"a":[{"exists":true,"prefix":"x"}]}`, "one operator, not 2"},
		"exists what":         {`{"a":[{"exists":"yes"}]}`, "exists: true or false is needed"},
		"prefix of what":      {`{"a":[{"prefix":1}]}`, "prefix: a string is needed"},
		"anything but what":   {`{"a":[{"anything-but":{"prefix":"x"}}]}`, "anything-but: a string, a number"},
		"anything at all":     {`{"a":[{"anything-but":[]}]}`, "anything-but: the list is empty"},
		"numeric what":        {`{"a":[{"numeric":5}]}`, "one or two comparisons"},
		"half a comparison":   {`{"a":[{"numeric":[">"]}]}`, "one or two comparisons"},
		"an unknown sign":     {`{"a":[{"numeric":["!=",5]}]}`, "!= 5 is no comparison"},
		"compared with text":  {`{"a":[{"numeric":["=","5"]}]}`, "= 5 is no comparison"},
		"three comparisons":   {`{"a":[{"numeric":[">",1,"<",2,"<",3]}]}`, "one or two comparisons"},
		"wrong in the second": {`{"a":["x"],"b":["y",{"exists":1}]}`, "b: exists"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parsePattern(test.pattern)
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), "reading the filter ") {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

// What is accepted can be applied to any record, and a field is either there or not.
func FuzzPattern(f *testing.F) {
	f.Add(outboxOnly, sample)
	f.Add(`{"a":[{"numeric":[">",0,"<=",5]},{"anything-but":["x",1]},{"prefix":"y"},null]}`, `{"a":[[1],{"b":2}]}`)
	f.Fuzz(func(t *testing.T, text, record string) {
		var fields map[string]any
		parsed, err := parsePattern(text)
		if err != nil || json.Unmarshal([]byte(record), &fields) != nil {
			return
		}
		first := parsed.matches(fields, true)
		if parsed.matches(fields, true) != first {
			t.Errorf("%s judges %s differently the second time", text, record)
		}
		for name := range parsed {
			exists, absent := exists(t, name, true), exists(t, name, false)
			if _, list := fields[name].([]any); !list && exists.matches(fields, true) == absent.matches(fields, true) {
				t.Errorf("%q of %s is both there and not", name, record)
			}
		}
	})
}

func exists(t *testing.T, name string, wanted bool) pattern {
	t.Helper()
	text, err := json.Marshal(map[string]any{name: []any{map[string]any{"exists": wanted}}})
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := parsePattern(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func decoded(t *testing.T, text string) map[string]any {
	t.Helper()
	var fields map[string]any
	if err := json.Unmarshal([]byte(text), &fields); err != nil {
		t.Fatal(err)
	}
	return fields
}
