package docker

import (
	"fmt"
	"io"
	"os/exec"
	"syscall"
)

// cleanup is a shell process that removes things that are not children of this process, such as containers. It waits until
// its standard input closes, in run or when this process ends for any reason.
type cleanup struct {
	pipe io.Closer
	cmd  *exec.Cmd
}

// newCleanup starts a cleanup that will run script. The arguments are its $1, $2, …
func (e *Engine) newCleanup(script string, arguments ...string) (*cleanup, error) {
	cmd := exec.Command("/bin/sh", append([]string{"-c", "read -r _\n" + script, "cleanup"}, arguments...)...)
	cmd.Env = append(cmd.Environ(), "DOCKER_HOST="+e.Host)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that it survives the Ctrl-C that ends this process
	pipe, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("starting the cleanup process: %w", err)
	}
	return &cleanup{pipe, cmd}, nil
}

// run runs the script now and waits for its end.
func (c *cleanup) run() error {
	_ = c.pipe.Close() // starts the script
	if err := c.cmd.Wait(); err != nil {
		return fmt.Errorf("cleaning up: %w", err)
	}
	return nil
}
