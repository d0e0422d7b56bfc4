package docs_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"latchkey/pkg/contract"
)

// sample is a block of code in the guide with what it prints.
type sample struct {
	line     int    // where it begins
	language string // bash, python or js
	text     string
	file     string // name under which the reader is to save it, which its first line tells; "" if he is to paste it
	shown    shown
}

// shown is what the guide shows below a sample.
type shown struct {
	form string // json or text; "" if the sample prints nothing
	text string
}

// forBrowsers says whether only a page can run the sample.
func (s sample) forBrowsers() bool { return s.language == "js" && s.file == "" }

var (
	fence    = regexp.MustCompile("(?ms)^```([^\n]*)\n(.*?)^```$")
	fileName = regexp.MustCompile(`^(?:#|//) ([\w-]+\.\w+)\n`)
)

// readSamples reads the blocks of a Markdown file. It fails for a block that it does not understand, so that none is passed over.
func readSamples(t *testing.T, path string) []sample {
	t.Helper()
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var samples []sample
	for _, at := range fence.FindAllSubmatchIndex(source, -1) {
		line := 1 + strings.Count(string(source[:at[0]]), "\n")
		language, text := string(source[at[2]:at[3]]), string(source[at[4]:at[5]])
		switch language {
		case "bash", "python", "js":
			s := sample{line: line, language: language, text: text}
			if named := fileName.FindStringSubmatch(text); named != nil {
				s.file = named[1]
			}
			samples = append(samples, s)
		case "json", "text":
			if len(samples) == 0 || samples[len(samples)-1].shown.form != "" {
				t.Fatalf("%s:%d: no sample prints this", path, line)
			}
			samples[len(samples)-1].shown = shown{form: language, text: text}
		default:
			t.Fatalf("%s:%d: a block of %q is not run", path, line, language)
		}
	}
	if fences := strings.Count("\n"+string(source), "\n```"); fences != 2*(len(samples)+showing(samples)) {
		t.Fatalf("%s has %d fences, not two for each block", path, fences)
	}
	return samples
}

// showing counts the samples with something shown.
func showing(samples []sample) (count int) {
	for _, s := range samples {
		if s.shown.form != "" {
			count++
		}
	}
	return count
}

// errorCodes are those of the contract.
func errorCodes(t *testing.T) []string {
	t.Helper()
	var document struct {
		Components struct {
			Schemas struct {
				ErrorCode struct {
					Enum []string `yaml:"enum"`
				} `yaml:"ErrorCode"`
			} `yaml:"schemas"`
		} `yaml:"components"`
	}
	if err := yaml.Unmarshal(contract.OpenAPI, &document); err != nil {
		t.Fatal(err)
	}
	codes := document.Components.Schemas.ErrorCode.Enum
	if len(codes) == 0 {
		t.Fatal("openapi.yaml lists no codes")
	}
	return codes
}
