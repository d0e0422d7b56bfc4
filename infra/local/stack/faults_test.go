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

// Each error is one line that names the remedy, and no started component remains.
func TestStartErrors(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	usedPort := listener.Addr().(*net.TCPAddr).Port

	usedFolder := t.TempDir()
	unlock, err := lock(filepath.Join(usedFolder, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(unlock)

	for name, tc := range map[string]struct {
		change func(*Options)
		want   string
	}{
		"API port":           {func(o *Options) { o.Port = usedPort }, "is in use; stop the program that uses it or set PORT=…"},
		"mail port":          {func(o *Options) { o.MailPort = usedPort }, "is in use; stop the program that uses it or set MAIL_PORT=…"},
		"engine port":        {func(o *Options) { o.DynamoDBPort = usedPort }, "is in use; stop the program that uses it or set DYNAMODB_PORT=…"},
		"OpenID port":        {func(o *Options) { o.OpenID, o.OpenIDPort = true, usedPort }, "is in use; stop the program that uses it or set OPENID_PORT=…"},
		"folder in use":      {func(o *Options) { o.DataDir = usedFolder }, "is in use by another run; stop that one or set DATA_DIR=…"},
		"folder is a file":   {func(o *Options) { o.DataDir = o.Root + "/go.mod" }, "creating the data folder: "},
		"no template":        {func(o *Options) { remove(t, o.Root+"/template.yaml") }, "reading the template: "},
		"malformed template": {func(o *Options) { write(t, o.Root+"/template.yaml", "\tx") }, "template.yaml: "},
		"code not compiling": {func(o *Options) { write(t, o.Root+"/functions/hello/main.go", "package x") }, "building the functions: "},
		"no emulators":       {func(o *Options) { remove(t, o.Root+"/infra") }, "run `make setup`"},
		"engine unreachable": {func(o *Options) { o.DynamoDBEndpoint = "http://127.0.0.1:9" }, "creating table Things: "},
		"binary missing":     {func(o *Options) { move(t, o.Root+"/functions/hello", o.Root+"/functions/other") }, "function Hello: "},
	} {
		t.Run(name, func(t *testing.T) {
			o := Options{Root: product(t), DataDir: t.TempDir(), Log: io.Discard}
			tc.change(&o)
			s, err := Start(t.Context(), o)
			if err == nil {
				s.Close()
				t.Fatalf("Start succeeded, want error %q", tc.want)
			}
			if got := err.Error(); !strings.Contains(got, tc.want) || strings.Contains(got, "\n") {
				t.Errorf("got error %q, want one line with %q", got, tc.want)
			}
			if o.DataDir == usedFolder || !isFolder(o.DataDir) {
				return
			}
			unlock, err := lock(filepath.Join(o.DataDir, "lock"))
			if err != nil {
				t.Fatalf("lock of the data folder after the error: got %v, want nil", err)
			}
			unlock()
		})
	}
}

func TestCompilerErrorsAreLogged(t *testing.T) {
	o := Options{Root: product(t)}
	write(t, o.Root+"/functions/hello/main.go", "package main\n\nfunc main() { undefined() }\n")
	var log bytes.Buffer
	o.Log = &log
	if s, err := Start(t.Context(), o); err == nil {
		s.Close()
		t.Fatal("Start succeeded, want an error")
	}
	if want := "main.go:3:15: undefined: undefined"; !strings.Contains(log.String(), want) {
		t.Errorf("got log %q, want %q in it", log.String(), want)
	}
}

func TestStartEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if s, err := Start(ctx, Options{Root: product(t), Log: io.Discard}); !errors.Is(err, context.Canceled) {
		if err == nil {
			s.Close()
		}
		t.Errorf("got error %v, want %v", err, context.Canceled)
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
