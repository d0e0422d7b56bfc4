package docker

import (
	"fmt"
	"io"
	"os/exec"
	"syscall"
)

// leash is a process that cleans up what is no child of ours, once we close its standard input, or the kernel does because we have
// ended, in whatever way.
type leash struct {
	pipe io.Closer
	cmd  *exec.Cmd
}

// newLeash has script run by a shell at the end; the arguments are its $1, $2, …
func (e *Engine) newLeash(script string, arguments ...string) (*leash, error) {
	cmd := exec.Command("/bin/sh", append([]string{"-c", "read -r _\n" + script, "leash"}, arguments...)...)
	cmd.Env = append(cmd.Environ(), "DOCKER_HOST="+e.Host)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // the Ctrl-C that ends this process is not for it
	pipe, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("starting what cleans up: %w", err)
	}
	return &leash{pipe, cmd}, nil
}

// pull has the script run now and returns when it is done.
func (l *leash) pull() error {
	_ = l.pipe.Close() // open until here
	if err := l.cmd.Wait(); err != nil {
		return fmt.Errorf("cleaning up: %w", err)
	}
	return nil
}
