package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// source is the part of template.yaml that these tests check, before SAM transforms it.
type source struct {
	Metadata struct {
		Interface struct {
			Groups []struct {
				Parameters []string `yaml:"Parameters"`
			} `yaml:"ParameterGroups"`
		} `yaml:"AWS::CloudFormation::Interface"`
	} `yaml:"Metadata"`
	Globals struct {
		Function struct {
			Boundary yaml.Node `yaml:"PermissionsBoundary"`
			Logging  logging   `yaml:"LoggingConfig"`
		} `yaml:"Function"`
	} `yaml:"Globals"`
	Parameters map[string]struct {
		Type           string    `yaml:"Type"`
		Description    string    `yaml:"Description"`
		Default        *string   `yaml:"Default"`
		AllowedPattern string    `yaml:"AllowedPattern"`
		AllowedValues  yaml.Node `yaml:"AllowedValues"`
		MinValue       *float64  `yaml:"MinValue"`
	} `yaml:"Parameters"`
	Resources map[string]struct {
		Type        string `yaml:"Type"`
		Deletion    string `yaml:"DeletionPolicy"`
		Replacement string `yaml:"UpdateReplacePolicy"`
		Properties  struct {
			Folder    string    `yaml:"CodeUri"`
			Boundary  yaml.Node `yaml:"PermissionsBoundary"`
			Retention yaml.Node `yaml:"RetentionInDays"`
			Protected yaml.Node `yaml:"DeletionProtectionEnabled"`
			Logging   logging   `yaml:"LoggingConfig"`
			AccessLog yaml.Node `yaml:"AccessLogSettings"`
			LogGroup  string    `yaml:"LogGroupName"`
			Document  struct {
				Statements []struct {
					NotAction []string  `yaml:"NotAction"`
					Action    yaml.Node `yaml:"Action"` // one or several
					Resource  yaml.Node `yaml:"Resource"`
				} `yaml:"Statement"`
			} `yaml:"PolicyDocument"`
			Pattern string `yaml:"FilterPattern"`
			Metrics []struct {
				Name string `yaml:"MetricName"`
			} `yaml:"MetricTransformations"`
		} `yaml:"Properties"`
	} `yaml:"Resources"`
}

// logging is the log configuration of a function, or of all functions.
type logging struct {
	Format      string `yaml:"LogFormat"`
	Application string `yaml:"ApplicationLogLevel"`
	System      string `yaml:"SystemLogLevel"`
	Group       string `yaml:"LogGroup"`
}

func readTemplate(t *testing.T) source {
	t.Helper()
	text, err := os.ReadFile("../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var template source
	if err := yaml.Unmarshal(text, &template); err != nil {
		t.Fatal(err)
	}
	return template
}

// freeText lists the parameters that accept any text.
var freeText = []string{"ProductName", "TokenAudience"}

// TestParameters checks that every parameter has a default, a description and a constraint, and is in one group. `sam deploy --guided`
// shows the descriptions in their groups.
func TestParameters(t *testing.T) {
	template := readTemplate(t)
	grouped := map[string]int{}
	for _, group := range template.Metadata.Interface.Groups {
		for _, name := range group.Parameters {
			grouped[name]++
		}
	}
	for name, parameter := range template.Parameters {
		constrained := parameter.AllowedPattern != "" || !parameter.AllowedValues.IsZero() || parameter.MinValue != nil
		switch {
		case grouped[name] != 1:
			t.Errorf("parameter %s: got %d groups, want 1", name, grouped[name])
		case !strings.HasSuffix(parameter.Description, "."), parameter.Default == nil:
			t.Errorf("parameter %s: got the description %q and a default: %v, want a sentence and a default",
				name, parameter.Description, parameter.Default != nil)
		case !constrained && !slices.Contains(freeText, name):
			t.Errorf("parameter %s: got no constraint, want one", name)
		}
		delete(grouped, name)
	}
	if len(grouped) > 0 {
		t.Errorf("groups: got the unknown parameters %v, want none", grouped)
	}
}

// TestLogs checks that all functions write to one log group, which has the retention of the stage and is the only one. Each further
// log would cost as much again. Lambda itself writes only what it reports at the level WARN, which are failures, and drops no line of
// a function.
func TestLogs(t *testing.T) {
	template := readTemplate(t)
	want := logging{Format: "JSON", Application: "TRACE", System: "WARN", Group: functionLog}
	if got := template.Globals.Function.Logging; got != want {
		t.Errorf("LoggingConfig of all functions: got %+v, want %+v", got, want)
	}
	if got := template.Resources[functionLog].Properties.Retention.Tag; got != "!FindInMap" {
		t.Errorf("%s: got the retention %q, want that of the stage", functionLog, got)
	}
	for name, resource := range template.Resources {
		if resource.Type == "AWS::Logs::LogGroup" && name != functionLog {
			t.Errorf("%s: got a second log group, want only %s", name, functionLog)
		}
		if !resource.Properties.AccessLog.IsZero() {
			t.Errorf("%s: got AccessLogSettings, want none: infra/docs/decisions.md has the reasons", name)
		}
		if got := resource.Properties.Logging; got != (logging{}) {
			t.Errorf("%s: got the LoggingConfig %+v, want that of all functions", name, got)
		}
	}
}

// functionLog is the log group of all functions.
const functionLog = "FunctionLog"

// TestMetricFilters checks that the metrics of the alarms count lines of all functions, by texts that the code logs.
func TestMetricFilters(t *testing.T) {
	template := readTemplate(t)
	for name, messages := range map[string][]string{
		"ServerErrors":   {"cannot start", "the keys ", "the client keys "},
		"SecurityEvents": {"security event"},
		"MailsQueued":    nil, // it counts by route
	} {
		filter := template.Resources[name]
		metrics := filter.Properties.Metrics
		if filter.Type != "AWS::Logs::MetricFilter" || filter.Properties.LogGroup != functionLog || len(metrics) != 1 || metrics[0].Name != name {
			t.Errorf("%s: got %+v, want a metric filter on %s that feeds the metric of the same name", name, filter, functionLog)
		}
		for _, message := range messages {
			if want := `$.msg = "` + message; !strings.Contains(filter.Properties.Pattern, want) {
				t.Errorf("%s: got the pattern %s, want it to contain %s", name, filter.Properties.Pattern, want)
			}
			if !isLogged(t, message) {
				t.Errorf("%s: no file of pkg contains a text that starts with %q", name, message)
			}
		}
	}
	if !strings.Contains(template.Resources["ServerErrors"].Properties.Pattern, "$.limiter") || !isLogged(t, "limiter") {
		t.Error("ServerErrors: got no count of requests that passed without a limit, want one by the member limiter")
	}
}

// isLogged reports whether the product contains a string that starts with text.
func isLogged(t *testing.T, text string) bool {
	t.Helper()
	found := false
	err := filepath.WalkDir("../../pkg", func(path string, _ os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		found = found || strings.Contains(string(source), `"`+text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestBoundary checks that no role can use logs or streams outside the stack, although managed policies of AWS allow it.
func TestBoundary(t *testing.T) {
	template := readTemplate(t)
	if got := template.Globals.Function.Boundary; got.Tag != "!Ref" || got.Value != "FunctionBoundary" {
		t.Fatalf("the functions have the boundary %s %q, want !Ref FunctionBoundary", got.Tag, got.Value)
	}
	statements := template.Resources["FunctionBoundary"].Properties.Document.Statements
	if len(statements) == 0 {
		t.Fatal("FunctionBoundary has no statements")
	}
	for _, statement := range statements {
		if statement.Resource.Tag != "!GetAtt" && !slices.Contains(statement.NotAction, "logs:*") {
			t.Errorf("got a statement on %q that allows logs, want one on !GetAtt %s.Arn", statement.Resource.Value, functionLog)
		}
	}
}

// logActions are the actions with which a function writes its lines. It must not create a log group: a line that is written late would
// create the group of a deleted stack again, without retention, and the stack could not be created again.
var logActions = []string{"logs:CreateLogStream", "logs:PutLogEvents"}

// TestNoFunctionCreatesLogGroups checks that the boundary allows no other actions on logs, and that every function has this boundary.
func TestNoFunctionCreatesLogGroups(t *testing.T) {
	template := readTemplate(t)
	allowed := 0
	for _, statement := range template.Resources["FunctionBoundary"].Properties.Document.Statements {
		var actions []string
		if err := statement.Action.Decode(&actions); err != nil {
			t.Fatalf("line %d: %v", statement.Action.Line, err)
		}
		for _, action := range actions {
			if slices.Contains(logActions, action) {
				allowed++
			} else if strings.HasPrefix(action, "logs:") || strings.HasPrefix(action, "*") {
				t.Errorf("FunctionBoundary allows %s, want only %v", action, logActions)
			}
		}
	}
	if allowed != len(logActions) {
		t.Errorf("FunctionBoundary allows %d of the actions %v, want all", allowed, logActions)
	}
	for name, resource := range template.Resources {
		if resource.Type == "AWS::Serverless::Function" && !resource.Properties.Boundary.IsZero() {
			t.Errorf("%s: got its own PermissionsBoundary, want that of all functions", name)
		}
	}
}

// retained lists the types of resources that contain data.
var retained = []string{"AWS::DynamoDB::Table", "AWS::CloudFormation::CustomResource"}

// TestRetention checks that tables and keys outlive the stack, that a failed creation leaves nothing, and that nothing prevents its
// rollback. TestStackProtection covers the protection of prod.
func TestRetention(t *testing.T) {
	found := 0
	for name, resource := range readTemplate(t).Resources {
		if !resource.Properties.Protected.IsZero() {
			t.Errorf("%s: got DeletionProtectionEnabled, want none, because a failed creation could not be rolled back", name)
		}
		want := ""
		if slices.Contains(retained, resource.Type) {
			want = "RetainExceptOnCreate"
			found++
		}
		if resource.Deletion != want {
			t.Errorf("%s: got the deletion policy %q, want %q", name, resource.Deletion, want)
		}
		if want != "" && resource.Replacement != "Retain" {
			t.Errorf("%s: got the UpdateReplacePolicy %q, want Retain", name, resource.Replacement)
		}
	}
	if found != 3 {
		t.Errorf("got %d resources that contain data, want both tables and the keys", found)
	}
}

// TestMailIdentities checks that the stack owns no identity of SES. Its deletion would stop the mail of every other stack that sends
// with the same identity.
func TestMailIdentities(t *testing.T) {
	for name, resource := range readTemplate(t).Resources {
		if resource.Type == "AWS::SES::EmailIdentity" {
			t.Errorf("%s: got an identity of SES, want none: infra/docs/deploy.md describes how to create it", name)
		}
	}
}
