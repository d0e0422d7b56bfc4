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

// Daemon is an Engine that this process started. It ends with Close, or with this process, and leaves no files behind.
type Daemon struct {
	*Engine
	cleanup *cleanup
	unlock  func()
}

// removeDaemon removes the containers of the daemon with process id $1, which would outlive it, stops the daemon, and
// removes its folder $2.
const removeDaemon = `
for container in $(docker ps --all --quiet 2>/dev/null); do
  docker rm --force --volumes "$container" >/dev/null 2>&1
done
kill "$1" 2>/dev/null
while kill -0 "$1" 2>/dev/null; do sleep 0.1; done
rm -rf "$2"
`

// StartDaemon starts a Docker engine whose data is in a temporary folder. It needs root and dockerd. Two such daemons on a
// machine would assign the same addresses on one bridge, so StartDaemon waits until an earlier one has ended.
func StartDaemon(ctx context.Context) (*Daemon, error) {
	program, err := exec.LookPath("dockerd")
	if err != nil {
		return nil, errors.New("dockerd is not installed: install the Docker engine")
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
	// child.Start would kill the daemon with this process and leave its containers running. The cleanup stops both.
	cmd := exec.Command(program, "--data-root", filepath.Join(folder, "data"), "--exec-root", filepath.Join(folder, "exec"),
		"--pidfile", filepath.Join(folder, "pid"), "--host", socket)
	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	go func() { _ = cmd.Wait() }() // the cleanup would wait for a zombie
	d := &Daemon{Engine: &Engine{Host: socket}}
	if d.cleanup, err = d.newCleanup(removeDaemon, strconv.Itoa(cmd.Process.Pid), folder); err != nil {
		return nil, errors.Join(err, cmd.Process.Kill(), os.RemoveAll(folder))
	}
	if d.Engine, err = awaitEngine(ctx, socket); err != nil {
		log, _ := os.ReadFile(output.Name())
		return nil, errors.Join(err, d.cleanup.run(), fmt.Errorf("its last line: %s", lastLine(string(log))))
	}
	return d, nil
}

func awaitEngine(ctx context.Context, socket string) (*Engine, error) {
	ctx, cancel := context.WithTimeout(ctx, daemonTimeout)
	defer cancel()
	for {
		e, err := connect(ctx, socket)
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

// Close stops the daemon with all its containers and removes its files.
func (d *Daemon) Close() error {
	defer d.unlock()
	return d.cleanup.run()
}

// lock waits for an exclusive lock on the file. The lock ends with unlock or with this process.
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
