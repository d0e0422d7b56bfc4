package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// build compiles all functions and the empty one into a new folder, with the flags of infra/tools/build-function.sh.
func build(ctx context.Context, root string) (folder string, remove func(), err error) {
	folder, err = os.MkdirTemp("", "latchkey-bench-")
	if err != nil {
		return "", nil, fmt.Errorf("making a folder for the binaries: %w", err)
	}
	remove = func() { _ = os.RemoveAll(folder) }
	cmd := exec.CommandContext(ctx, "go", "build", "-o", folder+string(filepath.Separator),
		"-tags=lambda.norpc", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "./functions/...", "./infra/bench/empty")
	cmd.Dir = root
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOOS=", "GOARCH=")
	if output, err := cmd.CombinedOutput(); err != nil {
		remove()
		return "", nil, fmt.Errorf("building the functions: %w\n%s", err, output)
	}
	return folder, remove, nil
}
