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
	"latchkey/infra/testkit"
)

const (
	patience  = 2 * time.Minute // for one sample on a busy machine; the slowest takes 2 s
	stopGrace = time.Second
	endOfText = "\x00" // follows the output of a sample
)

// The sessions of the two interpreters read file names from descriptor 3, one per line, and run each file. A failure ends the session.
var (
	//go:embed testdata/session.py
	pythonSession string
	//go:embed testdata/session.sh
	bashSession string
)

// reader follows the guide, with a terminal for each language and a browser.
type reader struct {
	folder    string
	terminals map[string]*terminal
}

func newReader(t *testing.T, product *stack.Stack) *reader {
	t.Helper()
	folder := t.TempDir()
	// This replaces `npm install jose`, which the tests have installed already.
	modules := filepath.Join(testkit.Root(t), "infra", "local", "node_modules")
	if err := os.Symlink(modules, filepath.Join(folder, "node_modules")); err != nil {
		t.Fatal(err)
	}
	user := newBrowserUser(t, product)
	return &reader{folder: folder, terminals: map[string]*terminal{
		"bash":   openTerminal(t, folder, user, "bash", "-c", bashSession),
		"python": openTerminal(t, folder, user, python(t), "-u", "-c", pythonSession),
	}}
}

// follow saves or runs a sample, as the guide instructs, and returns its output. A sample that fails ends the test.
func (r *reader) follow(t *testing.T, s sample) string {
	t.Helper()
	if s.forBrowsers() {
		return ""
	}
	name := s.file
	if name == "" {
		name = fmt.Sprintf("%s:%d", guide, s.line) // so that errors name the line
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

// terminal is an interpreter that runs one sample after another.
type terminal struct {
	samples io.Writer
	keys    io.Writer
	screen  *os.File
	user    *browserUser
}

// openTerminal starts an interpreter that ends with the test.
func openTerminal(t *testing.T, folder string, user *browserUser, command string, arguments ...string) *terminal {
	t.Helper()
	keysOut, keys := pipe(t)
	screen, screenIn := pipe(t)
	samplesOut, samples := pipe(t)
	cmd := exec.Command(command, arguments...)
	cmd.Dir = folder
	tools := filepath.Dir(python(t))
	cmd.Env = append(os.Environ(),
		"PATH="+tools+string(os.PathListSeparator)+os.Getenv("PATH"),
		"no_proxy=localhost,127.0.0.1", // else curl, urllib and httpx would use a proxy for them
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
		theirs.Close() // the interpreter has its own copy, so its end closes the screen
	}
	return &terminal{samples: samples, keys: keys, screen: screen, user: user}
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

// run runs a file, responds to its prompts, and returns its output.
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
			t.Fatalf("%s failed after this output:\n%s", file, &printed)
		}
		if err != nil {
			t.Fatalf("%s: %v, after this output:\n%s", file, err, &printed)
		}
		if address, prompted := term.user.respond(t, printed.String()); prompted {
			fmt.Fprintln(term.keys, address)
		}
	}
}
