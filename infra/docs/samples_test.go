package docs_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"latchkey/pkg/contract"
)

// sample is a block of code in the guide, with the output that the guide shows.
type sample struct {
	line     int    // of its first line in the guide
	language string // bash, python or js
	text     string
	file     string // the name under which the reader saves it, from its first line; "" for a sample to run
	output   output
}

// output is the block that the guide shows below a sample.
type output struct {
	form string // json or text; "" if the sample prints nothing
	text string
}

// forBrowsers reports whether only a web page can run the sample.
func (s sample) forBrowsers() bool { return s.language == "js" && s.file == "" }

var (
	fence    = regexp.MustCompile("(?ms)^```([^\n]*)\n(.*?)^```$")
	fileName = regexp.MustCompile(`^(?:#|//) ([\w-]+\.\w+)\n`)
)

// readSamples returns the samples of a Markdown file. A block of another kind fails the test, so that none is skipped.
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
			if len(samples) == 0 || samples[len(samples)-1].output.form != "" {
				t.Fatalf("%s:%d: got output without a sample above it", path, line)
			}
			samples[len(samples)-1].output = output{form: language, text: text}
		default:
			t.Fatalf("%s:%d: got a block of %q, want bash, python, js, json or text", path, line, language)
		}
	}
	if fences := strings.Count("\n"+string(source), "\n```"); fences != 2*(len(samples)+withOutput(samples)) {
		t.Fatalf("%s: got %d fences, want two for each block", path, fences)
	}
	return samples
}

// withOutput counts the samples with output.
func withOutput(samples []sample) (count int) {
	for _, s := range samples {
		if s.output.form != "" {
			count++
		}
	}
	return count
}

// errorCodes returns the error codes of the contract.
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
