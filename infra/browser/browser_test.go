//go:build browser

// Package browser_test lets a real browser sign in, as a web application has it do: what a cookie may do, and what a page of another
// origin may not, is decided by the browser as much as by us. `make test-browser` runs it; it needs Chromium and the npm packages
// of this folder.
//
// This file sets the stage: the product, and web applications on other origins. What happens on it is in the *.test.mjs. Clients that
// are no browsers are in infra/e2e.
package browser_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"latchkey/infra/local/child"
	"latchkey/infra/local/engine"
	"latchkey/infra/local/stack"
)

const (
	timeout   = 2 * time.Minute // on a busy machine; 10 s are usual
	stopGrace = 5 * time.Second // for Node.js to end the browser
)

// TestInABrowser runs the *.test.mjs against a stack that allows one of three web applications. A site is a host whatever its port
// (for cookies and Sec-Fetch-Site), so localhost is the API's own and 127.0.0.1 is another.
func TestInABrowser(t *testing.T) {
	chromium, err := exec.Command("./chromium.sh").Output()
	if err != nil {
		t.Fatal("there is no Chromium: set CHROMIUM, or run `make test-browser`")
	}
	application := serveApplication(t, "localhost")
	product := startStack(t, map[string]string{"ALLOWED_ORIGINS": application})
	cmd := exec.Command("node", "--test", "--test-reporter=spec", "sessions.test.mjs", "pages.test.mjs", "oauth.test.mjs", "guide.test.mjs")
	cmd.Env = append(os.Environ(),
		"CHROMIUM="+strings.TrimSpace(string(chromium)),
		"BASE_URL="+product.URL,
		"MAIL_URL="+product.MailURL,
		"ALLOWED_ORIGIN="+application,
		"SAME_SITE_ORIGIN="+serveApplication(t, "localhost"),
		"CROSS_SITE_ORIGIN="+serveApplication(t, "127.0.0.1"),
	)
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	runToEnd(t, cmd)
}

// serveApplication serves a page for every path, on a port of its own, and returns its origin by that name of this machine.
func serveApplication(t *testing.T, host string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, "<!doctype html><title>A web application</title>")
	}))
	t.Cleanup(server.Close)
	return strings.Replace(server.URL, "127.0.0.1", host, 1)
}

// startStack starts a product that ends with the test and keeps nothing.
func startStack(t *testing.T, environment map[string]string) *stack.Stack {
	t.Helper()
	root, err := engine.Root()
	if err != nil {
		t.Fatal(err)
	}
	started, err := stack.Start(t.Context(), stack.Options{Root: root, Environment: environment, OpenID: true, Log: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(started.Close)
	return started
}

// runToEnd fails the test if the command fails or takes too long. It does not outlive the test in any case.
func runToEnd(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	process, err := child.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer process.Stop(stopGrace)
	select {
	case <-process.Done():
		if err := process.Err(); err != nil {
			t.Errorf("%s: %v", cmd.Path, err)
		}
	case <-time.After(timeout):
		t.Errorf("%s: not done after %v", cmd.Path, timeout)
	}
}
