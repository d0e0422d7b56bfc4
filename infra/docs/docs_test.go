// Package docs_test holds the documents to what they describe: each alarm of template.yaml has its section in the runbook, and the
// runbook's commands do what it says. It judges no prose.
package docs_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const root = "../.."

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// sections are the headings below a heading of the second level, as anchors.
func sections(document, heading string) []string {
	_, part, _ := strings.Cut(document, "\n## "+heading+"\n")
	part, _, _ = strings.Cut(part, "\n## ")
	var anchors []string
	for line := range strings.Lines(part) {
		if title, is := strings.CutPrefix(line, "### "); is {
			anchors = append(anchors, strings.ReplaceAll(strings.ToLower(strings.TrimSpace(title)), " ", "-"))
		}
	}
	slices.Sort(anchors)
	return anchors
}

// TestEachAlarmHasItsSection, which names the alarm, and no section is without one.
func TestEachAlarmHasItsSection(t *testing.T) {
	var template struct {
		Resources map[string]struct {
			Type       string `yaml:"Type"`
			Properties struct {
				Description string `yaml:"AlarmDescription"`
			} `yaml:"Properties"`
		} `yaml:"Resources"`
	}
	if err := yaml.Unmarshal([]byte(read(t, "template.yaml")), &template); err != nil {
		t.Fatal(err)
	}
	runbook := read(t, "infra/docs/runbook.md")
	var anchors []string
	for name, resource := range template.Resources {
		if resource.Type != "AWS::CloudWatch::Alarm" {
			continue
		}
		_, anchor, found := strings.Cut(resource.Properties.Description, " infra/docs/runbook.md#")
		if !found {
			t.Errorf("the description of %s does not end with its section in the runbook", name)
		}
		if !strings.Contains(runbook, "\n*"+name+".*") {
			t.Errorf("no section of the runbook names %s", name)
		}
		anchors = append(anchors, anchor)
	}
	slices.Sort(anchors)
	if there := sections(runbook, "Alarms"); !slices.Equal(anchors, there) {
		t.Errorf("the alarms lead to    %v\nthe runbook's sections %v", anchors, there)
	}
}
