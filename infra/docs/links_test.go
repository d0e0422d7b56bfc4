package docs_test

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	codeBlock = regexp.MustCompile("(?ms)^ *```.*?^ *```$")
	heading   = regexp.MustCompile(`(?m)^#+ (.+)$`)
	link      = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	noAnchor  = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

// TestLinks checks that each relative link of the documents leads to a file of the repository and to a heading in it.
func TestLinks(t *testing.T) {
	for _, page := range append(pages(t), "README.md", "CHANGELOG.md") {
		for _, match := range link.FindAllStringSubmatch(codeBlock.ReplaceAllString(read(t, page), ""), -1) {
			target, anchor, _ := strings.Cut(match[1], "#")
			if strings.Contains(target, ":") {
				continue // another site
			}
			file := page
			if target != "" {
				file = path.Join(path.Dir(page), target)
			}
			if _, err := os.Stat(filepath.Join(root, file)); err != nil {
				t.Errorf("%s: got a link to %s, which does not exist", page, match[1])
			} else if anchor != "" && !anchors(read(t, file))[anchor] {
				t.Errorf("%s: got a link to %s, want a heading of %s", page, match[1], file)
			}
		}
	}
}

// TestEveryPageIsListed checks the table of contents of this folder.
func TestEveryPageIsListed(t *testing.T) {
	contents := read(t, "infra/docs/README.md")
	for _, page := range pages(t) {
		if name := path.Base(page); name != "README.md" && !strings.Contains(contents, "]("+name+")") {
			t.Errorf("infra/docs/README.md: got no link to %s", name)
		}
	}
}

// pages returns the Markdown files of this folder, relative to the root of the repository.
func pages(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob("*.md")
	if err != nil || len(names) == 0 {
		t.Fatalf("got pages %v, error %v", names, err)
	}
	for i, name := range names {
		names[i] = "infra/docs/" + name
	}
	return names
}

// anchors returns the anchors that GitHub gives the headings of a document.
func anchors(document string) map[string]bool {
	found := map[string]bool{}
	for _, title := range heading.FindAllStringSubmatch(codeBlock.ReplaceAllString(document, ""), -1) {
		found[strings.ReplaceAll(strings.ToLower(noAnchor.ReplaceAllString(title[1], "")), " ", "-")] = true
	}
	return found
}
