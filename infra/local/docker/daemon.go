package docker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

const (
	daemonTimeout = time.Minute
	daemonPause   = 100 * time.Millisecond
)

// Daemon is an engine that was started here, for a while. It ends with Close, or with this process, and leaves nothing.
type Daemon struct {
	*Engine
	leash  *leash
	unlock func()
}

// dismantle ends the containers of the daemon $1, which would outlive it, the daemon, and its folder $2.
const dismantle = `
for container in $(docker ps --all --quiet 2>/dev/null); do
  docker rm --force --volumes "$container" >/dev/null 2>&1
done
kill "$1" 2>/dev/null
while kill -0 "$1" 2>/dev/null; do sleep 0.1; done
rm -rf "$2"
`

// StartDaemon starts a Docker engine by hand, with everything it keeps in a temporary folder. It needs root and dockerd. Two daemons
// would hand out the same addresses on one bridge, so a second one on this machine waits for the first to end.
func StartDaemon(ctx context.Context) (*Daemon, error) {
	program, err := exec.LookPath("dockerd")
	if err != nil {
		return nil, errors.New("dockerd is missing: install Docker's engine")
	}
	unlock, err := lock(ctx, filepath.Join(os.TempDir(), "latchkey-dockerd.lock"))
	if err != nil {
		return nil, fmt.Errorf("waiting for another Docker engine to end: %w", err)
	}
	d, err := startDaemon(ctx, program)
	if err != nil {
		unlock()
		return nil, fmt.Errorf("starting a Docker engine: %w", err)
	}
	d.unlock = unlock
	return d, nil
}

func startDaemon(ctx context.Context, program string) (*Daemon, error) {
	folder, err := os.MkdirTemp("", "latchkey-docker-")
	if err != nil {
		return nil, err
	}
	socket := "unix://" + filepath.Join(folder, "socket")
	output, err := os.Create(filepath.Join(folder, "log"))
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	defer func() { _ = output.Close() }() // the daemon has its own handle
	// No child.Start: killed at once it would leave its containers running. The leash ends both.
	cmd := exec.Command(program, "--data-root", filepath.Join(folder, "data"), "--exec-root", filepath.Join(folder, "exec"),
		"--pidfile", filepath.Join(folder, "pid"), "--host", socket)
	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	go func() { _ = cmd.Wait() }() // so that it leaves no zombie, for which the leash would wait
	d := &Daemon{Engine: &Engine{Host: socket}}
	if d.leash, err = d.newLeash(dismantle, strconv.Itoa(cmd.Process.Pid), folder); err != nil {
		return nil, errors.Join(err, cmd.Process.Kill(), os.RemoveAll(folder))
	}
	if d.Engine, err = awaitEngine(ctx, socket); err != nil {
		said, _ := os.ReadFile(output.Name())
		return nil, errors.Join(err, d.leash.pull(), fmt.Errorf("its last line: %s", lastLine(string(said))))
	}
	return d, nil
}

func awaitEngine(ctx context.Context, socket string) (*Engine, error) {
	ctx, cancel := context.WithTimeout(ctx, daemonTimeout)
	defer cancel()
	for {
		e, err := at(ctx, socket)
		if err == nil {
			return e, nil
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(daemonPause):
		}
	}
}

// Close ends the daemon with all its containers, and removes what it kept.
func (d *Daemon) Close() error {
	defer d.unlock()
	return d.leash.pull()
}

// lock takes the file, when nobody else has it, until unlock or the end of this process.
func lock(ctx context.Context, file string) (unlock func(), err error) {
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(context.Cause(ctx), f.Close())
		case <-time.After(daemonPause):
		}
	}
}
