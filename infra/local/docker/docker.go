// Package docker provides the parts of Docker that functions in containers need: an engine, running already or started for
// the purpose, an image like that of Lambda, and a network through which containers reach this machine.
//
// It uses the program `docker` and does not start containers. The SAM CLI does that. The network lets the package find the
// containers again.
package docker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// Engine is a running Docker daemon.
type Engine struct {
	Host         string // address, as in DOCKER_HOST
	Architecture string // of its containers, as in GOARCH
}

// Find returns the daemon that `docker` uses by default, by DOCKER_HOST or its context. The error names the remedy.
func Find(ctx context.Context) (*Engine, error) {
	if _, err := exec.LookPath("docker"); err != nil {
		return nil, errors.New("docker is not installed: install Docker, or use `make run`, which does not need it")
	}
	host, err := (&Engine{}).run(ctx, nil, "context", "inspect", "--format", "{{.Endpoints.docker.Host}}")
	if err != nil {
		return nil, err
	}
	return connect(ctx, host)
}

// connect returns the engine at an address, or an error if it does not respond.
func connect(ctx context.Context, host string) (*Engine, error) {
	e := &Engine{Host: host}
	architecture, err := e.run(ctx, nil, "version", "--format", "{{.Server.Arch}}")
	if err != nil {
		return nil, fmt.Errorf("no Docker engine responds at %s: start it, or set DOCKER_HOST", host)
	}
	e.Architecture = architecture
	return e, nil
}

// run runs the program `docker` and returns its trimmed output. The error includes the last line of its standard error.
func (e *Engine) run(ctx context.Context, stdin []byte, arguments ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "docker", arguments...)
	if e.Host != "" {
		cmd.Env = append(cmd.Environ(), "DOCKER_HOST="+e.Host)
	}
	cmd.Stdin = bytes.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("docker %s: %w: %s", arguments[0], err, lastLine(stderr.String()))
	}
	return strings.TrimSpace(string(stdout)), nil
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}
