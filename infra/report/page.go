package report

import (
	"fmt"
	"os"
	"strings"
)

// marker returns the line before the output of a command in a page.
func marker(command string) string { return "<!-- output of `" + command + "` -->\n" }

const fence = "```\n"

// Output returns the output of a command that a page contains: the block of code after its marker.
func Output(page, command string) (string, error) {
	_, output, _, err := split(page, command)
	return output, err
}

// split cuts a page before and after the output.
func split(page, command string) (before, output, after string, err error) {
	opening := marker(command) + fence
	start := strings.Index(page, opening)
	if start < 0 {
		return "", "", "", fmt.Errorf("the page has no block of code after the line %q", marker(command))
	}
	start += len(opening)
	end := strings.Index(page[start:], "\n"+fence)
	if end < 0 {
		return "", "", "", fmt.Errorf("the block of code after the line %q does not end", marker(command))
	}
	end += start + 1
	return page[:start], page[start:end], page[end:], nil
}

// WriteOutput replaces the output of a command in the page at path, without spaces at the ends of lines.
func WriteOutput(path, command, output string) error {
	page, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, _, after, err := split(string(page), command)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	var lines strings.Builder
	for line := range strings.Lines(strings.TrimRight(output, "\n")) {
		lines.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	return os.WriteFile(path, []byte(before+lines.String()+after), 0o644)
}

// Row returns the fields after the first cell of the line that begins with cell and two spaces. Lines may be indented.
func Row(table, cell string) ([]string, bool) {
	for line := range strings.Lines(table) {
		if rest, ok := strings.CutPrefix(strings.TrimLeft(line, " "), cell+"  "); ok {
			return strings.Fields(rest), true
		}
	}
	return nil, false
}
