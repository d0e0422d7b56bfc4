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
			Logging   struct {
				Group string `yaml:"LogGroup"`
			} `yaml:"LoggingConfig"`
			LogGroup string `yaml:"LogGroupName"`
		} `yaml:"Properties"`
	} `yaml:"Resources"`
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

// TestLogs: each function has a log group of its own, kept as long as the stage says, whose server errors are counted.
func TestLogs(t *testing.T) {
	template := readTemplate(t)
	for name, resource := range template.Resources {
		if resource.Type == "AWS::Logs::LogGroup" && resource.Properties.Retention.IsZero() {
			t.Errorf("%s is kept for ever", name)
		}
		if resource.Type != "AWS::Serverless::Function" {
			continue
		}
		folder := strings.TrimPrefix(resource.Properties.Folder, "functions/")
		if resource.Properties.Logging.Group != name+"Log" {
			t.Errorf("%s logs to %q", name, resource.Properties.Logging.Group)
		}
		if group := template.Resources[name+"Log"]; group.Properties.LogGroup != "/${AWS::StackName}/"+folder {
			t.Errorf("the log group of %s has the name %q", name, group.Properties.LogGroup)
		}
		if filter := template.Resources[name+"Errors"]; filter.Properties.LogGroup != name+"Log" || filter.Type != "AWS::Logs::MetricFilter" {
			t.Errorf("the server errors of %s are not counted", name)
		}
	}
}

// TestSecurityEventsAreCounted wherever the code logs one; the packages below are those of these functions.
func TestSecurityEventsAreCounted(t *testing.T) {
	template := readTemplate(t)
	counted := map[string][]string{
		"../../pkg/signin/login.go":    {"Login", "SessionLogin"},
		"../../pkg/session/refresh.go": {"Refresh"},
		"../../pkg/keyring/revoke.go":  {"RotateKeys"},
	}
	err := filepath.WalkDir("../../pkg", func(path string, _ os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		if strings.Contains(string(source), `"security event"`) != (counted[path] != nil) {
			t.Errorf("%s: which functions log its security events?", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, functions := range counted {
		for _, name := range functions {
			if filter := template.Resources[name+"Security"]; filter.Properties.LogGroup != name+"Log" {
				t.Errorf("the security events of %s are not counted", name)
			}
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
