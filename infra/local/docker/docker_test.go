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

// The package's work with an engine is tested where one is there: infra/local/sam, `make test-sam`.

func TestALeashRunsItsScriptWhenItIsPulled(t *testing.T) {
	file := filepath.Join(t.TempDir(), "said")
	l, err := (&Engine{Host: "unix:///somewhere"}).newLeash(`echo "$1 $DOCKER_HOST" >"$2"`, "first", file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("the script has not waited")
	}
	if err := l.pull(); err != nil {
		t.Fatal(err)
	}
	if said, err := os.ReadFile(file); err != nil || string(said) != "first unix:///somewhere\n" {
		t.Errorf("it said %q, %v", said, err)
	}
}

func TestALeashTellsThatItsScriptHasFailed(t *testing.T) {
	l, err := (&Engine{}).newLeash("exit 3")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.pull(); err == nil {
		t.Error("nothing is told")
	}
}

func TestALockIsForOneAtATime(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lock")
	unlock, err := lock(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	waiting, cancel := context.WithTimeout(t.Context(), 3*daemonPause)
	defer cancel()
	if _, err := lock(waiting, file); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("a second one: %v", err)
	}
	time.AfterFunc(daemonPause, unlock)
	again, err := lock(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	again()
}

func TestTheRootOfTheStandIn(t *testing.T) {
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
			t.Error("busybox cannot be run")
		}
	}
	for _, needed := range []string{"bin/sh", "etc/ssl/certs/ca-certificates.crt", "opt/", "tmp/", "var/task/", "var/runtime/"} {
		if !slices.Contains(names, needed) {
			t.Errorf("there is no %s in %s", needed, strings.Join(names, " "))
		}
	}
}
