package stack

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each fault is told in one line that says what to do, and nothing that was started stays.
func TestFaults(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	taken := listener.Addr().(*net.TCPAddr).Port

	held := t.TempDir()
	unlock, err := lock(filepath.Join(held, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(unlock)

	for name, tc := range map[string]struct {
		spoil func(*Options)
		want  string
	}{
		"API port":           {func(o *Options) { o.Port = taken }, "is in use; end what uses it or set PORT=…"},
		"mail port":          {func(o *Options) { o.MailPort = taken }, "is in use; end what uses it or set MAIL_PORT=…"},
		"engine port":        {func(o *Options) { o.DynamoDBPort = taken }, "is in use; end what uses it or set DYNAMODB_PORT=…"},
		"OpenID port":        {func(o *Options) { o.OpenID, o.OpenIDPort = true, taken }, "is in use; end what uses it or set OPENID_PORT=…"},
		"folder in use":      {func(o *Options) { o.DataDir = held }, "is in use by another run; end that one or set DATA_DIR=…"},
		"folder is a file":   {func(o *Options) { o.DataDir = o.Root + "/go.mod" }, "making the data folder: "},
		"no template":        {func(o *Options) { remove(t, o.Root+"/template.yaml") }, "reading the template: "},
		"broken template":    {func(o *Options) { write(t, o.Root+"/template.yaml", "\tx") }, "template.yaml: "},
		"code not compiling": {func(o *Options) { write(t, o.Root+"/functions/hello/main.go", "package x") }, "building the functions: "},
		"no emulators":       {func(o *Options) { remove(t, o.Root+"/infra") }, "run `make setup`"},
		"engine away":        {func(o *Options) { o.DynamoDBEndpoint = "http://127.0.0.1:9" }, "creating table Things: "},
		"function unbuilt":   {func(o *Options) { move(t, o.Root+"/functions/hello", o.Root+"/functions/other") }, "function Hello: "},
	} {
		t.Run(name, func(t *testing.T) {
			o := Options{Root: product(t), DataDir: t.TempDir(), Log: io.Discard}
			tc.spoil(&o)
			s, err := Start(t.Context(), o)
			if err == nil {
				s.Close()
				t.Fatal("started")
			}
			if got := err.Error(); !strings.Contains(got, tc.want) || strings.Contains(got, "\n") {
				t.Errorf("error %q, want one line with %q", got, tc.want)
			}
			if o.DataDir == held || !isFolder(o.DataDir) {
				return
			}
			unlock, err := lock(filepath.Join(o.DataDir, "lock"))
			if err != nil {
				t.Fatalf("the folder is still held: %v", err)
			}
			unlock()
		})
	}
}

func TestCompilerIsHeard(t *testing.T) {
	o := Options{Root: product(t)}
	write(t, o.Root+"/functions/hello/main.go", "package main\n\nfunc main() { undefined() }\n")
	var log bytes.Buffer
	o.Log = &log
	if s, err := Start(t.Context(), o); err == nil {
		s.Close()
		t.Fatal("started")
	}
	if !strings.Contains(log.String(), "main.go:3:15: undefined: undefined") {
		t.Errorf("log %q", log.String())
	}
}

func TestStartEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if s, err := Start(ctx, Options{Root: product(t), Log: io.Discard}); !errors.Is(err, context.Canceled) {
		if err == nil {
			s.Close()
		}
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
