package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// The tests of infra/local/sam (`make test-sam`) cover the parts that need an engine.

func TestCleanupRunsItsScript(t *testing.T) {
	file := filepath.Join(t.TempDir(), "output")
	c, err := (&Engine{Host: "unix:///somewhere"}).newCleanup(`echo "$1 $DOCKER_HOST" >"$2"`, "first", file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("the script ran before run")
	}
	if err := c.run(); err != nil {
		t.Fatal(err)
	}
	const want = "first unix:///somewhere\n"
	if got, err := os.ReadFile(file); err != nil || string(got) != want {
		t.Errorf("got output %q, %v; want %q", got, err, want)
	}
}

func TestCleanupReportsThatItsScriptFailed(t *testing.T) {
	c, err := (&Engine{}).newCleanup("exit 3")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.run(); err == nil {
		t.Error("script exit 3: got nil, want an error")
	}
}

func TestLockExcludesOthers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lock")
	unlock, err := lock(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*daemonPause)
	defer cancel()
	if _, err := lock(ctx, file); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("second lock: got %v, want %v", err, context.DeadlineExceeded)
	}
	time.AfterFunc(daemonPause, unlock)
	unlock, err = lock(t.Context(), file)
	if err != nil {
		t.Fatalf("lock after unlock: got %v, want nil", err)
	}
	unlock()
}

func TestRootOfStandIn(t *testing.T) {
	var archive bytes.Buffer
	busybox := filepath.Join(t.TempDir(), "busybox")
	if err := os.WriteFile(busybox, []byte("a program"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := writeRoot(tar.NewWriter(&archive), busybox, busybox); err != nil {
		t.Fatal(err)
	}
	var names []string
	reader := tar.NewReader(&archive)
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, header.Name)
		if header.Name == "bin/busybox" && header.Mode&0o111 == 0 {
			t.Errorf("%s: got mode %o, want it executable", header.Name, header.Mode)
		}
	}
	for _, want := range []string{"bin/sh", "etc/ssl/certs/ca-certificates.crt", "opt/", "tmp/", "var/task/", "var/runtime/"} {
		if !slices.Contains(names, want) {
			t.Errorf("got files %s, want %s among them", strings.Join(names, " "), want)
		}
	}
}
