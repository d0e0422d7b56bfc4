package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// written is template.yaml as it is written, with what SAM does not check.
type written struct {
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
		Type       string `yaml:"Type"`
		Deletion   string `yaml:"DeletionPolicy"`
		Properties struct {
			Folder    string    `yaml:"CodeUri"`
			Retention yaml.Node `yaml:"RetentionInDays"`
			Protected yaml.Node `yaml:"DeletionProtectionEnabled"`
			Logging   logging   `yaml:"LoggingConfig"`
			LogGroup  string    `yaml:"LogGroupName"`
			Document  struct {
				Statements []struct {
					NotAction []string  `yaml:"NotAction"`
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

// logging is where a function, or all of them, write their log.
type logging struct {
	Group string `yaml:"LogGroup"`
}

func readTemplate(t *testing.T) written {
	t.Helper()
	text, err := os.ReadFile("../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var template written
	if err := yaml.Unmarshal(text, &template); err != nil {
		t.Fatal(err)
	}
	return template
}

// freeText are the parameters that are held to no form: names and texts of the deployer's own.
var freeText = []string{"ProductName", "TokenAudience"}

// TestParameters: `sam deploy --guided` asks for nothing that has no sensible default, and says of each what it is.
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
			t.Errorf("parameter %s is in %d groups", name, grouped[name])
		case !strings.HasSuffix(parameter.Description, "."), parameter.Default == nil:
			t.Errorf("parameter %s has no description or no default", name)
		case !constrained && !slices.Contains(freeText, name):
			t.Errorf("parameter %s takes anything", name)
		}
		delete(grouped, name)
	}
	if len(grouped) > 0 {
		t.Errorf("groups name parameters that are not there: %v", grouped)
	}
}

// TestLogs: all functions write to one log group, and every log group is kept for as long as the stage says.
func TestLogs(t *testing.T) {
	template := readTemplate(t)
	if got := template.Globals.Function.Logging.Group; got != functionLog {
		t.Errorf("the functions log to %q, want %s", got, functionLog)
	}
	for name, resource := range template.Resources {
		if resource.Type == "AWS::Logs::LogGroup" && resource.Properties.Retention.Tag != "!FindInMap" {
			t.Errorf("%s: got the retention %q, want that of the stage", name, resource.Properties.Retention.Value)
		}
		if got := resource.Properties.Logging.Group; got != "" {
			t.Errorf("%s logs to %q, want %s, the log group of all functions", name, got, functionLog)
		}
	}
}

// functionLog is the log group of all functions.
const functionLog = "FunctionLog"

// TestMetricFilters: the metrics of the alarms are counted over the lines of all functions, by texts that the code logs.
func TestMetricFilters(t *testing.T) {
	template := readTemplate(t)
	for name, logged := range map[string][]string{
		"ServerErrors":   {"cannot start", "the keys "},
		"SecurityEvents": {"security event"},
	} {
		filter := template.Resources[name]
		metrics := filter.Properties.Metrics
		if filter.Type != "AWS::Logs::MetricFilter" || filter.Properties.LogGroup != functionLog || len(metrics) != 1 || metrics[0].Name != name {
			t.Errorf("%s: got %+v, want a metric filter on %s that feeds the metric of the same name", name, filter, functionLog)
		}
		for _, text := range logged {
			if !strings.Contains(filter.Properties.Pattern, `$.msg = "`+text) {
				t.Errorf("%s: the pattern %s does not count %q", name, filter.Properties.Pattern, text)
			}
			if !isLogged(t, text) {
				t.Errorf("%s: no file of pkg logs %q", name, text)
			}
		}
	}
}

// isLogged says whether the product has a text that begins like that.
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

// TestBoundary: no role reaches logs or streams outside the stack, although AWS's managed policies allow it.
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

// TestTables: the users outlive the stack, and in prod no table is deleted by hand.
func TestTables(t *testing.T) {
	template := readTemplate(t)
	for name, resource := range template.Resources {
		if resource.Type == "AWS::DynamoDB::Table" && resource.Properties.Protected.Tag != "!If" {
			t.Errorf("%s is not protected from deletion in prod", name)
		}
	}
	if policy := template.Resources["Users"].Deletion; policy != "Retain" {
		t.Errorf("the users have the deletion policy %q", policy)
	}
}
