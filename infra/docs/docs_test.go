// Package docs_test compares the documents with what they describe. Each alarm of template.yaml has a section in the runbook, the
// commands of the runbook and the samples of the guide work, and the tests and pages that documents name exist.
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

// sections returns the anchors of the third-level headings below a second-level heading, sorted.
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

// TestEachAlarmHasItsSection compares the alarms with the sections of the runbook. The section of an alarm must name it.
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
			t.Errorf("got AlarmDescription %q of %s, want a link to its section in the runbook", resource.Properties.Description, name)
		}
		if !strings.Contains(runbook, "\n*"+name+".*") {
			t.Errorf("no section of the runbook names %s", name)
		}
		anchors = append(anchors, anchor)
	}
	slices.Sort(anchors)
	if got := sections(runbook, "Alarms"); !slices.Equal(got, anchors) {
		t.Errorf("got the runbook sections %v\nwant those of the alarms %v", got, anchors)
	}
}

// named matches the name of a test in a document.
var named = regexp.MustCompile("`(Test[A-Z][A-Za-z0-9]*)`")

// TestTheTestsThatDocumentsNameExist reports removed or renamed tests that a document still names.
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

// declaredTests returns the names of all tests of the repository.
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
