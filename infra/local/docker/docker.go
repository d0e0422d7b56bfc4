// Package docker is what is needed of Docker to run functions in containers: an engine that is there or is started for a while, an
// image like Lambda's own, and a network by which containers reach this machine and are found again.
//
// It speaks to the engine through the program `docker`, and starts no containers: SAM does.
package docker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// Engine is a Docker daemon that answers.
type Engine struct {
	// Host is its address, as in DOCKER_HOST.
	Host string
	// Architecture is that of its containers, as GOARCH has it.
	Architecture string
}

// Find looks for the daemon that `docker` speaks to by itself, by DOCKER_HOST or its context. The error says what to do.
func Find(ctx context.Context) (*Engine, error) {
	if _, err := exec.LookPath("docker"); err != nil {
		return nil, errors.New("docker is missing: install Docker, or use `make run`, which needs none")
	}
	host, err := (&Engine{}).run(ctx, nil, "context", "inspect", "--format", "{{.Endpoints.docker.Host}}")
	if err != nil {
		return nil, err
	}
	return at(ctx, host)
}

// at is the engine at an address, if it answers.
func at(ctx context.Context, host string) (*Engine, error) {
	e := &Engine{Host: host}
	architecture, err := e.run(ctx, nil, "version", "--format", "{{.Server.Arch}}")
	if err != nil {
		return nil, fmt.Errorf("no Docker engine answers at %s: start it, or set DOCKER_HOST", host)
	}
	e.Architecture = architecture
	return e, nil
}

// run runs the program `docker` with what stdin holds and returns what it prints. The error has the last line of what it says.
func (e *Engine) run(ctx context.Context, stdin []byte, arguments ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "docker", arguments...)
	if e.Host != "" {
		cmd.Env = append(cmd.Environ(), "DOCKER_HOST="+e.Host)
	}
	cmd.Stdin = bytes.NewReader(stdin)
	var said bytes.Buffer
	cmd.Stderr = &said
	printed, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("docker %s: %w: %s", arguments[0], err, lastLine(said.String()))
	}
	return strings.TrimSpace(string(printed)), nil
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}
