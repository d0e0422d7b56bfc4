package sam

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"latchkey/infra/local/child"
	"latchkey/infra/local/engine"
	"latchkey/infra/local/linelog"
	"latchkey/infra/local/template"
)

const (
	startTimeout = 2 * time.Minute  // SAM is a large Python program that usually takes 4 s
	stopTimeout  = 30 * time.Second // SAM stops its containers one after the other
	pollInterval = 50 * time.Millisecond
)

// launcher starts SAM with the files of prepare.
type launcher struct {
	platform *Platform
	network  string
	host     string // the argument of --add-host for this machine
	folder   string
	log      *linelog.Log
}

// startAPI closes the listener and starts SAM, which serves the HTTP API on the same port.
func (l launcher) startAPI(ctx context.Context, listener net.Listener) (*child.Process, error) {
	port := listener.Addr().(*net.TCPAddr).Port
	if err := listener.Close(); err != nil {
		return nil, fmt.Errorf("closing the listener for SAM: %w", err)
	}
	return l.launch(ctx, "start-api", port)
}

// startLambda starts SAM, which serves the Invoke API for the functions. If there are none, it returns nil.
func (l launcher) startLambda(ctx context.Context, functions []string) (*lambda, error) {
	if len(functions) == 0 {
		return nil, nil
	}
	port, err := engine.FreePort()
	if err != nil {
		return nil, err
	}
	process, err := l.launch(ctx, "start-lambda", port, functions...)
	if err != nil {
		return nil, err
	}
	return &lambda{url: "http://" + address(port), sam: process}, nil
}

func (l launcher) launch(ctx context.Context, command string, port int, functions ...string) (*child.Process, error) {
	arguments := []string{
		"local", command, "--template", filepath.Join(l.folder, templateFile), "--env-vars", filepath.Join(l.folder, variablesFile),
		"--host", "127.0.0.1", "--port", strconv.Itoa(port), "--region", template.Region,
		"--invoke-image", l.platform.image, "--skip-pull-image",
		"--docker-network", l.network, "--add-host", l.host,
		"--warm-containers", "LAZY", "--no-watch", // a container waits for the next event, as in Lambda
	}
	cmd := exec.Command(l.platform.program, append(arguments, functions...)...)
	cmd.Env = append(samEnvironment(cmd.Environ(), l.platform.engine.Host), "TMPDIR="+l.folder)
	output := l.log.Writer("sam")
	cmd.Stdout, cmd.Stderr = output, output
	process, err := child.Start(cmd)
	if err != nil {
		return nil, err
	}
	if err := awaitPort(ctx, process, port); err != nil {
		process.Stop(stopTimeout)
		return nil, fmt.Errorf("sam local %s: %w", command, err)
	}
	return process, nil
}

// samEnvironment returns the caller's environment without the variables of AWS, because SAM would pass the caller's credentials to the
// containers.
func samEnvironment(callers []string, dockerHost string) []string {
	environment := slices.DeleteFunc(slices.Clone(callers), func(entry string) bool { return strings.HasPrefix(entry, "AWS_") })
	return append(environment,
		"AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null",
		"AWS_EC2_METADATA_DISABLED=true", "DOCKER_HOST="+dockerHost, "SAM_CLI_TELEMETRY=0", "PYTHONUNBUFFERED=1")
}

// awaitPort waits until SAM accepts connections. It sends no request, because that would start a container.
func awaitPort(ctx context.Context, process *child.Process, port int) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("it did not accept connections within %v", startTimeout))
	defer cancel()
	for {
		connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", address(port))
		if err == nil {
			return connection.Close()
		}
		select {
		case <-process.Done():
			return errors.New("it ended; see its output above")
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pollInterval):
		}
	}
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// streamFunctions returns the functions that have a stream as an event source.
func streamFunctions(app *template.Template) []string {
	var names []string
	for _, function := range app.Functions {
		if len(function.Streams) > 0 {
			names = append(names, function.Name)
		}
	}
	return names
}
