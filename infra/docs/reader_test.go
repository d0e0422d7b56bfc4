package docs_test

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"latchkey/infra/local/child"
	"latchkey/infra/local/stack"
)

const (
	patience  = 2 * time.Minute // for one sample, on a busy machine; the slowest takes 2 s
	stopGrace = time.Second
	endOfText = "\x00" // follows what a sample has printed
)

// The two interpreters read names of files, one a line, from descriptor 3, and run each in the one session. What fails ends them.
var (
	//go:embed testdata/session.py
	pythonSession string
	//go:embed testdata/session.sh
	bashSession string
)

// reader is somebody who follows the guide, with a terminal for each language and a browser.
type reader struct {
	folder    string
	terminals map[string]*terminal
}

func newReader(t *testing.T, product *stack.Stack) *reader {
	t.Helper()
	folder := t.TempDir()
	// In the place of `npm install jose`. What is tested with is installed already.
	modules := filepath.Join(moduleRoot(t), "infra", "local", "node_modules")
	if err := os.Symlink(modules, filepath.Join(folder, "node_modules")); err != nil {
		t.Fatal(err)
	}
	person := newPerson(t, product)
	return &reader{folder: folder, terminals: map[string]*terminal{
		"bash":   openTerminal(t, folder, person, "bash", "-c", bashSession),
		"python": openTerminal(t, folder, person, python(t), "-u", "-c", pythonSession),
	}}
}

// follow does with a sample what the guide says, and returns what it printed. The test ends here if the sample fails.
func (r *reader) follow(t *testing.T, s sample) string {
	t.Helper()
	if s.forBrowsers() {
		return ""
	}
	name := s.file
	if name == "" {
		name = fmt.Sprintf("%s:%d", guide, s.line) // so that complaints name the line
	}
	path := filepath.Join(r.folder, name)
	if err := os.WriteFile(path, []byte(s.text), 0o600); err != nil {
		t.Fatal(err)
	}
	if s.file != "" {
		return ""
	}
	return r.terminals[s.language].run(t, path)
}

// terminal is an interpreter that runs one sample after the other.
type terminal struct {
	samples io.Writer
	keys    io.Writer
	screen  *os.File
	person  *person
}

// openTerminal starts an interpreter that ends with the test.
func openTerminal(t *testing.T, folder string, person *person, command string, arguments ...string) *terminal {
	t.Helper()
	keysOut, keys := pipe(t)
	screen, screenIn := pipe(t)
	samplesOut, samples := pipe(t)
	cmd := exec.Command(command, arguments...)
	cmd.Dir = folder
	tools := filepath.Dir(python(t))
	cmd.Env = append(os.Environ(),
		"PATH="+tools+string(os.PathListSeparator)+os.Getenv("PATH"),
		"no_proxy=localhost,127.0.0.1", // curl, urllib and httpx would ask a proxy for them too
		"PYTHONDONTWRITEBYTECODE=1",
	)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = keysOut, screenIn, t.Output()
	cmd.ExtraFiles = []*os.File{samplesOut}
	process, err := child.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { process.Stop(stopGrace) })
	for _, theirs := range []*os.File{keysOut, screenIn, samplesOut} {
		theirs.Close() // the interpreter has its own: its end is then the end of the screen
	}
	return &terminal{samples: samples, keys: keys, screen: screen, person: person}
}

func pipe(t *testing.T) (out, in *os.File) {
	t.Helper()
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		out.Close()
		in.Close()
	})
	return out, in
}

// run has the file run, answers what it asks, and returns what it printed.
func (term *terminal) run(t *testing.T, file string) string {
	t.Helper()
	fmt.Fprintln(term.samples, file)
	if err := term.screen.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	var printed strings.Builder
	buffer := make([]byte, 4096)
	for {
		n, err := term.screen.Read(buffer)
		printed.Write(buffer[:n])
		if whole, ended := strings.CutSuffix(printed.String(), endOfText); ended {
			return whole
		}
		if errors.Is(err, io.EOF) {
			t.Fatalf("%s failed, having printed:\n%s", file, &printed)
		}
		if err != nil {
			t.Fatalf("%s: %v, having printed:\n%s", file, err, &printed)
		}
		if answer, asked := term.person.asked(t, printed.String()); asked {
			fmt.Fprintln(term.keys, answer)
		}
	}
}
