//go:build browser

// Package browser_test tests sign-in with a real browser, because the browser decides where a cookie is sent and what a page of another
// origin may read. `make test-browser` runs it. It needs Chromium and the npm packages of this folder.
//
// This file starts the product and web applications with several origins. The tests are in the *.test.mjs files. Tests of other clients
// are in infra/e2e.
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
	"latchkey/infra/local/stack"
	"latchkey/infra/testkit"
)

const (
	timeout   = 2 * time.Minute // for a busy machine; 10 s is typical
	stopGrace = 5 * time.Second // for Node.js to close the browser
)

// TestInABrowser runs the *.test.mjs files against a stack that allows one of three web applications. The site of an origin is its host
// without the port (for cookies and Sec-Fetch-Site), so localhost is the site of the API and 127.0.0.1 is another.
func TestInABrowser(t *testing.T) {
	chromium, err := exec.Command("./chromium.sh").Output()
	if err != nil {
		t.Fatalf("finding Chromium: %v; set CHROMIUM, or run `make test-browser`", err)
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

// serveApplication serves a page on a free port and returns its origin, in which host is the name of this machine.
func serveApplication(t *testing.T, host string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, "<!doctype html><title>A web application</title>")
	}))
	t.Cleanup(server.Close)
	return strings.Replace(server.URL, "127.0.0.1", host, 1)
}

// startStack starts a product without a data folder. It ends with the test.
func startStack(t *testing.T, environment map[string]string) *stack.Stack {
	t.Helper()
	options := stack.Options{Root: testkit.Root(t), Environment: environment, OpenID: true, Log: t.Output()}
	product, err := stack.Start(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(product.Close)
	return product
}

// runToEnd runs the command. The test fails if the command fails or exceeds the timeout. The command never outlives the test.
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
		t.Errorf("%s: got no end within %v", cmd.Path, timeout)
	}
}
