package docs_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"latchkey/infra/testkit"
	"latchkey/infra/testkit/httpclient"
	"latchkey/infra/testkit/logquery"
	"latchkey/infra/testkit/stacktest"
	"latchkey/infra/testkit/wiretap"
)

// TestQueriesAndMetricFilters runs the queries of the runbook and the metric filters of template.yaml on the lines that a running
// product writes, together with lines of Lambda in the form of its guide (testdata/platform.jsonl).
func TestQueriesAndMetricFilters(t *testing.T) {
	lines := append(linesOfRequests(t), parse(read(t, "infra/docs/testdata/platform.jsonl"))...)
	queries := queriesOf(read(t, "infra/docs/runbook.md"))
	if len(queries) == 0 {
		t.Fatal("got no query in the runbook")
	}
	for _, query := range queries {
		if found, err := query.run(lines); err != nil || len(found) == 0 || len(found) == len(lines) {
			t.Errorf("%s: got %d of %d lines and the error %v, want some of them", query.text, len(found), len(lines), err)
		}
	}
	filters := metricFilters(t)
	for name, want := range map[string][]any{
		"ServerErrors":   {500.0, 503.0, 403.0, "timeout", "error"}, // the request with 403 passed without a limit
		"SecurityEvents": {403.0},
		"MailsQueued":    {201.0, 201.0},
	} {
		found, err := logquery.Pattern(filters[name], lines)
		if got := statuses(found); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got lines with the statuses %v and the error %v, want %v", name, got, err, want)
		}
		delete(filters, name)
	}
	if len(filters) > 0 {
		t.Errorf("got the metric filters %v without a test, want them here", filters)
	}
}

// statuses returns the status of the response in each line, or that of the invocation in a line of Lambda.
func statuses(lines []logquery.Line) []any {
	var statuses []any
	for _, line := range lines {
		status := line["status"]
		if line["type"] == "platform.report" {
			status = line["record.status"]
		}
		statuses = append(statuses, status)
	}
	return statuses
}

// throttledAttempts is the number of calls that the SDK sends before it gives up.
const throttledAttempts = 8

// linesOfRequests sends requests of every outcome to a running product and returns its lines. It checks that each request has one.
func linesOfRequests(t *testing.T) []logquery.Line {
	t.Helper()
	var log testkit.Buffer
	local, err := stacktest.Start(t.Context(), stacktest.Options{Log: &log, Environment: map[string]string{
		"REFRESH_GRACE_SECONDS": "0", "RATE_LIMIT_FACTOR": "1", "RATE_MEDIUM": "5/180/900", // so few that each request of a stranger is counted in the store
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer local.Close()
	local.Deliveries.Pause() // the mailer writes lines of mails, not of requests
	sent := 0
	post := func(path, body string, want int, headers ...string) httpclient.Response {
		t.Helper()
		sent++
		got := httpclient.Client{}.Send(t, http.MethodPost, local.URL+path, body, append(headers, httpclient.JSON)...)
		if got.Status != want {
			t.Fatalf("%s: got %v, want %d", path, got, want)
		}
		return got
	}
	const user = `{"username":"pythonista","email":"pythonista@example.com","password":"SecurePass123!"}`
	first := post("/api/auth/register", user, http.StatusCreated)
	post("/api/auth/login", `{"username":"pythonista","password":"wrong"}`, http.StatusForbidden)
	post("/nowhere", "", http.StatusNotFound)
	local.Tap.Inject("BatchGetItem", 0, 1, wiretap.AccessDenied)
	post("/api/auth/me", "", http.StatusInternalServerError, httpclient.Bearer(first.Member("access_token")))
	local.Tap.Inject("BatchGetItem", 0, throttledAttempts, wiretap.Throttle)
	post("/api/auth/me", "", http.StatusServiceUnavailable, httpclient.Bearer(first.Member("access_token")))
	refresh := `{"refresh_token":"` + first.Member("refresh_token") + `"}`
	post("/api/auth/refresh", refresh, http.StatusOK)
	post("/api/auth/refresh", refresh, http.StatusForbidden)
	post("/api/auth/forgot-password", `{"email":"nobody@example.com"}`, http.StatusCreated)
	local.Tap.Inject(wiretap.OfLimits+"UpdateItem", 0, throttledAttempts, wiretap.Throttle)
	post("/api/auth/refresh", `{"refresh_token":"unknown"}`, http.StatusForbidden)

	var lines []logquery.Line
	testkit.Eventually(t, "a line for each request", func() bool {
		lines = parse(log.String())
		return len(lines) >= sent
	})
	ids := map[any]bool{}
	for _, line := range lines {
		ids[line["request_id"]] = true
	}
	if len(lines) != sent || len(ids) != sent {
		t.Errorf("%d requests: got %d lines of %d requests, want one of each:\n%s", sent, len(lines), len(ids), log.String())
	}
	return lines
}

// TestTheAccessLog checks that the lines of the access log, once turned on, can be joined with those of the functions, that they contain
// the error of a failed invocation, and that they contain no path.
func TestTheAccessLog(t *testing.T) {
	_, setting, _ := strings.Cut(read(t, "infra/docs/runbook.md"), `"Format": "`)
	format, _, _ := strings.Cut(setting, `"`)
	variables := strings.Fields(format)
	for _, want := range []string{"requestId", "awsEndpointRequestId", "integration.integrationStatus", "error.message", "integrationErrorMessage"} {
		if !slices.Contains(variables, "$context."+want) {
			t.Errorf("got the format %q of the access log, want it to contain $context.%s", format, want)
		}
	}
	for _, variable := range variables {
		if !strings.HasPrefix(variable, "$context.") || strings.Contains(strings.ToLower(variable), "path") {
			t.Errorf("got %s in the format of the access log, want only variables of the context without the path", variable)
		}
	}
}

// parse returns the JSON lines in a text. The lines of a local stack begin with the label of their function.
func parse(text string) []logquery.Line {
	var lines []logquery.Line
	for line := range strings.Lines(text) {
		if _, labeled, found := strings.Cut(line, " | "); found {
			line = labeled
		}
		if strings.HasPrefix(line, "{") {
			lines = append(lines, logquery.Parse(line))
		}
	}
	return lines
}

// query is a query of Logs Insights or a filter pattern.
type query struct {
	text string
	run  func([]logquery.Line) ([]logquery.Line, error)
}

// Queries in shell commands, and the names of functions in them.
var (
	quoted   = regexp.MustCompile(`--(query-string|filter-pattern) '((?:[^']|'"\$\(resource \w+\)"')+)'`)
	resource = regexp.MustCompile(`'"\$\(resource \w+\)"'`)
)

// queriesOf returns the queries of a document. Each name of a function is replaced by that of Login, because the lines of all functions
// name them in the same way.
func queriesOf(document string) []query {
	var queries []query
	for _, match := range quoted.FindAllStringSubmatch(document, -1) {
		text, run := resource.ReplaceAllString(match[2], "Login"), logquery.Insights
		if match[1] == "filter-pattern" {
			run = logquery.Pattern
		}
		queries = append(queries, query{text, func(lines []logquery.Line) ([]logquery.Line, error) { return run(text, lines) }})
	}
	return queries
}

// metricFilters returns the patterns of the metric filters of template.yaml by their logical ids.
func metricFilters(t *testing.T) map[string]string {
	t.Helper()
	var template struct {
		Resources map[string]struct {
			Type       string `yaml:"Type"`
			Properties struct {
				Pattern string `yaml:"FilterPattern"`
			} `yaml:"Properties"`
		} `yaml:"Resources"`
	}
	if err := yaml.Unmarshal([]byte(read(t, "template.yaml")), &template); err != nil {
		t.Fatal(err)
	}
	patterns := map[string]string{}
	for name, resource := range template.Resources {
		if resource.Type == "AWS::Logs::MetricFilter" {
			patterns[name] = resource.Properties.Pattern
		}
	}
	return patterns
}
