// Package docs_test holds the documents to what they describe: each alarm of template.yaml has its section in the runbook, and the
// runbook's commands do what it says. It judges no prose.
package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
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

// named is a test as the documents name it.
var named = regexp.MustCompile("`(Test[A-Z][A-Za-z0-9]*)`")

// TestTheTestsThatDocumentsNameExist, so that a defence in the threat model is not held by a test of the past.
func TestTheTestsThatDocumentsNameExist(t *testing.T) {
	exist := declaredTests(t)
	for _, document := range []string{"infra/docs/threat-model.md", "infra/docs/decisions.md", "README.md"} {
		for _, match := range named.FindAllStringSubmatch(read(t, document), -1) {
			if !exist[match[1]] {
				t.Errorf("%s names %s, which does not exist", document, match[1])
			}
		}
	}
}

// declaredTests are all tests of the repository, by name.
func declaredTests(t *testing.T) map[string]bool {
	t.Helper()
	tests := map[string]bool{}
	for _, folder := range []string{"pkg", "infra", "functions"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, entry os.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir() && entry.Name() == "node_modules":
				return filepath.SkipDir
			case !strings.HasSuffix(path, "_test.go"):
				return nil
			}
			source, err := os.ReadFile(path)
			for line := range strings.Lines(string(source)) {
				if name, is := strings.CutPrefix(line, "func Test"); is {
					before, _, _ := strings.Cut(name, "(")
					tests["Test"+before] = true
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return tests
}
