package logquery_test

import (
	"strings"
	"testing"

	"latchkey/infra/testkit/logquery"
)

var lines = []logquery.Line{
	logquery.Parse(`{"n":"a","msg":"request","status":200}`),
	logquery.Parse(`{"n":"b","msg":"request","status":500,"cause":"x/y"}`),
	logquery.Parse(`{"n":"c","msg":"request","status":502}`),
	logquery.Parse(`{"n":"d","msg":"the keys are old"}`),
	logquery.Parse(`{"n":"e","type":"platform.report","record":{"status":"timeout"}}`),
	logquery.Parse(`no JSON`),
}

func names(lines []logquery.Line) string {
	var all strings.Builder
	for _, line := range lines {
		name, _ := line["n"].(string)
		all.WriteString(name)
	}
	return all.String()
}

func TestPattern(t *testing.T) {
	for pattern, want := range map[string]string{
		`{ ($.status >= 500 && $.status != 502) || $.msg = "the keys *" }`: "bd",
		`{ $.msg = "request" && $.status < 502 }`:                          "ab",
		`{ $.record.status != "success" }`:                                 "e",
		`{ $.status <= 200 || $.status > 500 }`:                            "ac",
		`{ $.cause = "x*" }`:                                               "b",
		`{ $.status = 200 }`:                                               "a",
	} {
		if got, err := logquery.Pattern(pattern, lines); err != nil || names(got) != want {
			t.Errorf("%s: got the lines %s, %v; want %s", pattern, names(got), err, want)
		}
	}
}

func TestInsights(t *testing.T) {
	for query, want := range map[string]string{
		`filter status >= 500 | stats count() by msg, cause | sort count() desc`:             "bc",
		`filter type = "platform.report" and record.status != "success" | fields @logStream`: "e",
		`stats count() as all, pct(status, 99) as p99 by msg | sort all desc`:                "abcde",
		`fields n | limit 5`: "abcde",
	} {
		if got, err := logquery.Insights(query, lines); err != nil || names(got) != want {
			t.Errorf("%s: got the lines %s, %v; want %s", query, names(got), err, want)
		}
	}
}

func TestFaultsOfQueries(t *testing.T) {
	for query, want := range map[string]string{
		`filter status >= 500 | stats count() by fault`: "has the member fault",
		`filter status = 200 | stats count() by cause`:  "has the member cause",
		`filter status`:                      "incomplete",
		`filter status = ok`:                 "neither a number nor quoted",
		`filter cause like "x"`:              "does not compare texts",
		`filter status like 5`:               "does not compare numbers",
		`filter (status = 5`:                 "not closed",
		`filter status = 5 status = 6`:       "not supported here",
		`parse status`:                       `"parse" is not supported`,
		`filter status = 5 or status`:        "incomplete",
		`filter (status = 5 and status`:      "incomplete",
		`filter msg = "request" | display n`: `"display" is not supported`,
	} {
		if got, err := logquery.Insights(query, lines); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got the lines %s and the error %v, want an error with %q", query, names(got), err, want)
		}
	}
	if _, err := logquery.Pattern("ERROR", lines); err == nil {
		t.Error("a pattern for text: got no error, want one")
	}
}
