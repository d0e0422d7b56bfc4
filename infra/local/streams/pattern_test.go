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
		"the outbox":                   {outboxOnly, true},
		"a string":                     {`{"eventName":["INSERT"]}`, true},
		"another string":               {`{"eventName":["REMOVE"]}`, false},
		"letter case":                  {`{"eventName":["insert"]}`, false},
		"one of a list":                {`{"eventName":["REMOVE","INSERT"]}`, true},
		"both of two fields":           {`{"eventName":["INSERT"],"dynamodb":{"NewImage":{"state":{"S":["queued"]}}}}`, true},
		"one of two fields":            {`{"eventName":["REMOVE"],"dynamodb":{"NewImage":{"state":{"S":["queued"]}}}}`, false},
		"DynamoDB number as a string":  {`{"dynamodb":{"NewImage":{"tries":{"N":["3"]}}}}`, true},
		"DynamoDB number as a number":  {`{"dynamodb":{"NewImage":{"tries":{"N":[3]}}}}`, false},
		"a number":                     {`{"dynamodb":{"SizeBytes":[120]}}`, true},
		"a boolean":                    {`{"dynamodb":{"NewImage":{"on":{"BOOL":[true]}}}}`, true},
		"the other boolean":            {`{"dynamodb":{"NewImage":{"on":{"BOOL":[false]}}}}`, false},
		"null":                         {`{"dynamodb":{"NewImage":{"no":{"NULL":[null]}}}}`, true},
		"null is not absence":          {`{"dynamodb":{"NewImage":{"other":{"NULL":[null]}}}}`, false},
		"element of a set":             {`{"dynamodb":{"NewImage":{"tags":{"SS":["blue"]}}}}`, true},
		"not an element of a set":      {`{"dynamodb":{"NewImage":{"tags":{"SS":["green"]}}}}`, false},
		"an object in a list":          {`{"dynamodb":{"NewImage":{"parts":{"L":{"S":["two"]}}}}}`, true},
		"not an object in a list":      {`{"dynamodb":{"NewImage":{"parts":{"L":{"S":["three"]}}}}}`, false},
		"exists":                       {`{"dynamodb":{"NewImage":{"state":{"S":[{"exists":true}]}}}}`, true},
		"exists, absent":               {`{"dynamodb":{"NewImage":{"lease":{"S":[{"exists":true}]}}}}`, false},
		"exists, an object":            {`{"dynamodb":{"NewImage":[{"exists":true}]}}`, false},
		"exists false, absent":         {`{"dynamodb":{"NewImage":{"lease":{"S":[{"exists":false}]}}}}`, true},
		"exists false, parent absent":  {`{"dynamodb":{"OldImage":{"lease":{"S":[{"exists":false}]}}}}`, true},
		"exists false, present":        {`{"dynamodb":{"NewImage":{"state":{"S":[{"exists":false}]}}}}`, false},
		"prefix":                       {`{"eventName":[{"prefix":"INS"}]}`, true},
		"another prefix":               {`{"eventName":[{"prefix":"NS"}]}`, false},
		"prefix of a number":           {`{"dynamodb":{"SizeBytes":[{"prefix":"1"}]}}`, false},
		"anything but the value":       {`{"eventName":[{"anything-but":"INSERT"}]}`, false},
		"anything but others":          {`{"eventName":[{"anything-but":["REMOVE","MODIFY"]}]}`, true},
		"anything but, absent":         {`{"other":[{"anything-but":"x"}]}`, false},
		"a value or an operator":       {`{"eventName":["REMOVE",{"prefix":"I"}]}`, true},
		"equal":                        {`{"dynamodb":{"SizeBytes":[{"numeric":["=",120]}]}}`, true},
		"in a range":                   {`{"dynamodb":{"SizeBytes":[{"numeric":[">",119,"<=",120]}]}}`, true},
		"below a range":                {`{"dynamodb":{"SizeBytes":[{"numeric":[">",120,"<=",130]}]}}`, false},
		"above a range":                {`{"dynamodb":{"SizeBytes":[{"numeric":[">=",1,"<",120]}]}}`, false},
		"numeric on a DynamoDB number": {`{"dynamodb":{"NewImage":{"tries":{"N":[{"numeric":["=",3]}]}}}}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := parsePattern(test.pattern)
			if err != nil {
				t.Fatal(err)
			}
			if got := p.matches(decode(t, sample), true); got != test.want {
				t.Errorf("%s: got %v, want %v", test.pattern, got, test.want)
			}
		})
	}
}

func TestParsePatternErrors(t *testing.T) {
	for name, test := range map[string]struct{ pattern, want string }{
		"not JSON":            {`{`, "unexpected end"},
		"a list":              {`["INSERT"]`, "cannot unmarshal"},
		"no fields":           {`{}`, "names no field"},
		"null":                {`null`, "names no field"},
		"a bare value":        {`{"a":"x"}`, "a: got x, want a list or an object"},
		"an empty list":       {`{"a":{"b":[]}}`, "a: b: the list is empty"},
		"an empty object":     {`{"a":{}}`, "a: the object names no field"},
		"a list in a list":    {`{"a":[["x"]]}`, "a list must not contain a list"},
		"another operator":    {`{"a":[{"suffix":"x"}]}`, "does not support the operator suffix"},
		"$or":                 {`{"$or":[{"a":["x"]}]}`, "does not support $or"},
		"no operator":         {`{"a":[{}]}`, "one operator, not 0"},
		"two operators":       {`{"a":[{"exists":true,"prefix":"x"}]}`, "one operator, not 2"},
		"exists a string":     {`{"a":[{"exists":"yes"}]}`, "exists: got yes, want true or false"},
		"prefix a number":     {`{"a":[{"prefix":1}]}`, "prefix: got 1, want a string"},
		"anything-but object": {`{"a":[{"anything-but":{"prefix":"x"}}]}`, "anything-but: got map[prefix:x], want a string, a number"},
		"anything-but empty":  {`{"a":[{"anything-but":[]}]}`, "anything-but: the list is empty"},
		"numeric a number":    {`{"a":[{"numeric":5}]}`, "one or two comparisons"},
		"half a comparison":   {`{"a":[{"numeric":[">"]}]}`, "one or two comparisons"},
		"unknown comparison":  {`{"a":[{"numeric":["!=",5]}]}`, "!= 5 is not a comparison"},
		"compared with text":  {`{"a":[{"numeric":["=","5"]}]}`, "= 5 is not a comparison"},
		"three comparisons":   {`{"a":[{"numeric":[">",1,"<",2,"<",3]}]}`, "one or two comparisons"},
		"error in the second": {`{"a":["x"],"b":["y",{"exists":1}]}`, "b: exists"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parsePattern(test.pattern)
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), "parsing the filter ") {
				t.Errorf("%s: got error %v, want %q", test.pattern, err, test.want)
			}
		})
	}
}

// FuzzPattern checks that a valid pattern matches any record without a panic and always with the same result, and that a field
// either exists or does not.
func FuzzPattern(f *testing.F) {
	f.Add(outboxOnly, sample)
	f.Add(`{"a":[{"numeric":[">",0,"<=",5]},{"anything-but":["x",1]},{"prefix":"y"},null]}`, `{"a":[[1],{"b":2}]}`)
	f.Fuzz(func(t *testing.T, text, record string) {
		var fields map[string]any
		p, err := parsePattern(text)
		if err != nil || json.Unmarshal([]byte(record), &fields) != nil {
			return
		}
		first := p.matches(fields, true)
		if got := p.matches(fields, true); got != first {
			t.Errorf("%s on %s: got %v, want %v as the first time", text, record, got, first)
		}
		for name := range p {
			exists, absent := exists(t, name, true), exists(t, name, false)
			if _, list := fields[name].([]any); !list && exists.matches(fields, true) == absent.matches(fields, true) {
				t.Errorf("field %q of %s: got the same result for exists true and false", name, record)
			}
		}
	})
}

// exists returns a pattern that tests the existence of a field.
func exists(t *testing.T, name string, want bool) pattern {
	t.Helper()
	text, err := json.Marshal(map[string]any{name: []any{map[string]any{"exists": want}}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := parsePattern(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func decode(t *testing.T, text string) map[string]any {
	t.Helper()
	var fields map[string]any
	if err := json.Unmarshal([]byte(text), &fields); err != nil {
		t.Fatal(err)
	}
	return fields
}
