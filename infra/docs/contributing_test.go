package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var (
	message = regexp.MustCompile(`(?:Errorf|Fatalf|Sprintf|errors\.New)\(\s*("(?:[^"\\]|\\.)*")`)
	verb    = regexp.MustCompile(`%[+#]?[a-z]`)
)

// TestContributingQuotesMessages checks that each message in contributing.md is one that the code can report.
func TestContributingQuotesMessages(t *testing.T) {
	formats := messageFormats(t)
	quotes := quotations(read(t, "infra/docs/contributing.md"))
	if len(quotes) == 0 {
		t.Fatal("contributing.md: got no quoted messages")
	}
	for _, quote := range quotes {
		fromCompiler := strings.HasPrefix(quote, "undefined: ")
		reported := slices.ContainsFunc(formats, func(format *regexp.Regexp) bool { return format.MatchString(quote) })
		if !fromCompiler && !reported {
			t.Errorf("contributing.md: got the message %q, which no format in pkg or infra produces", quote)
		}
	}
}

// quotations returns the paragraphs of the block quotes of a document, each in one line.
func quotations(document string) []string {
	var all []string
	var words []string
	for line := range strings.Lines(document + "\n") {
		text, is := strings.CutPrefix(strings.TrimSpace(line), ">")
		if fields := strings.Fields(text); is && len(fields) > 0 {
			words = append(words, fields...)
		} else if len(words) > 0 {
			all, words = append(all, strings.Join(words, " ")), nil
		}
	}
	return all
}

// messageFormats returns a pattern for each format of a message in the code that has fixed text.
func messageFormats(t *testing.T) []*regexp.Regexp {
	t.Helper()
	const fixed = 12 // characters; a format with less, such as "%s: %v", matches too many texts
	var formats []*regexp.Regexp
	for _, folder := range []string{"pkg", "infra"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir() && entry.Name() == "node_modules":
				return filepath.SkipDir
			case !strings.HasSuffix(path, ".go"):
				return nil
			}
			source, err := os.ReadFile(path)
			for _, found := range message.FindAllSubmatch(source, -1) {
				format, _ := strconv.Unquote(string(found[1]))
				parts := verb.Split(strings.Join(strings.Fields(format), " "), -1)
				if len(strings.Join(parts, "")) < fixed {
					continue
				}
				for i := range parts {
					parts[i] = regexp.QuoteMeta(parts[i])
				}
				formats = append(formats, regexp.MustCompile("^"+strings.Join(parts, ".*")+"$"))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return formats
}
