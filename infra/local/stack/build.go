package stack

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"sync"

	"latchkey/infra/local/child"
	"latchkey/infra/local/engine"
)

// buildFlags are the flags of the deployed binaries (GOFLAGS in the Makefile), so that local binaries differ only in their
// platform.
var buildFlags = []string{"-tags=lambda.norpc", "-trimpath", "-buildvcs=false", "-ldflags=-s -w"}

// startPeersAndBuild starts the SES and the OpenID provider and builds the functions. It does these slow steps concurrently.
func (s *Stack) startPeersAndBuild(ctx context.Context, o Options) error {
	fmt.Fprintln(o.Log, "building the functions")
	var mailError, openIDError, buildError error
	var all sync.WaitGroup
	all.Go(func() { s.mail, mailError = engine.StartSES(ctx, engine.Options{Root: o.Root, Port: o.MailPort}) })
	if needsOpenID(o) {
		all.Go(func() { s.openID, openIDError = s.startOpenID(ctx, o) })
	}
	all.Go(func() { buildError = build(ctx, o, s.folder.bin) })
	all.Wait()
	if s.mail != nil {
		s.MailURL = s.mail.Endpoint
		s.closers = append(s.closers, s.mail.Stop)
	}
	if s.openID != nil {
		s.OpenIDURL = s.openID.Endpoint
		s.closers = append(s.closers, s.openID.Stop)
	}
	return cmp.Or(mailError, openIDError, buildError) // only one of the errors, because Start returns an error of one line
}

// build builds the functions that are not up to date. It writes the output of the compiler to the log, because that has several
// lines.
func build(ctx context.Context, o Options, into string) error {
	arguments := append([]string{"build", "-o", into + string(os.PathSeparator)}, buildFlags...)
	cmd := exec.CommandContext(ctx, "go", append(arguments, "./functions/...")...)
	cmd.Dir = o.Root
	// The binaries are static as in AWS. GOFLAGS of the caller is removed, because it may be meant for another build.
	system, architecture := o.Platform.Target()
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOOS="+system, "GOARCH="+architecture)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	compiler, err := child.Start(cmd)
	if err != nil {
		return fmt.Errorf("building the functions: %w", err)
	}
	<-compiler.Done()
	if err := compiler.Err(); err != nil {
		_, _ = o.Log.Write(output.Bytes())
		return fmt.Errorf("building the functions: see the errors of go build above (%w)", err)
	}
	return nil
}
