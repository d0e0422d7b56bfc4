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

// buildFlags are those of the deployed binaries (GOFLAGS in the Makefile), so that what runs here differs only in its platform.
var buildFlags = []string{"-tags=lambda.norpc", "-trimpath", "-buildvcs=false", "-ldflags=-s -w"}

// startPeersAndBuild does slow things at once.
func (s *Stack) startPeersAndBuild(ctx context.Context, o Options) error {
	fmt.Fprintln(o.Log, "building the functions")
	var mailError, openIDError, buildError error
	var all sync.WaitGroup
	all.Go(func() { s.mail, mailError = engine.StartSES(ctx, engine.Options{Root: o.Root, Port: o.MailPort}) })
	if wantsOpenID(o) {
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
	return cmp.Or(mailError, openIDError, buildError) // one line, so not joined
}

// build leaves alone what is up to date. What the compiler says is longer than a line and goes to the log.
func build(ctx context.Context, o Options, into string) error {
	arguments := append([]string{"build", "-o", into + string(os.PathSeparator)}, buildFlags...)
	cmd := exec.CommandContext(ctx, "go", append(arguments, "./functions/...")...)
	cmd.Dir = o.Root
	// Static as in AWS, and by the flags above alone: those of the caller's environment may be for something else.
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
		return fmt.Errorf("building the functions: go build says what is wrong above (%w)", err)
	}
	return nil
}
