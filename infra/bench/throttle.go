package main

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"latchkey/infra/local/child"
)

// period is that of Lambda's CPU quota, as it shows to functions: within each, a function has its share and is then held.
const period = 20 * time.Millisecond

// look is how often a process's use is looked at, in microseconds: it bounds what the process gets beyond its share in one period,
// which it pays back in the next.
const look = 100

// share is a part of one CPU, in per cent.
type share int

// unthrottled is the share of a process that is not throttled at all.
const unthrottled share = 0

func (s share) quota() time.Duration { return period * time.Duration(s) / 100 }

// throttle holds a process to a share of one CPU until done is closed, as the kernel's bandwidth control would, without the rights
// that needs: it reads the process's CPU clock and stops it by SIGSTOP until the period is over. The first period begins with the
// call, since a function that has been frozen wakes up with its quota whole.
func throttle(ctx context.Context, p *process, s share, done <-chan struct{}) error {
	limit, err := child.CPUTime(p.Pid())
	if err != nil {
		return err
	}
	for {
		begun := now()
		used, err := child.CPUTime(p.Pid())
		if err != nil {
			return err
		}
		limit = min(limit, used) + s.quota() // what was left is lost, what was too much is paid back
		if ended, err := spend(ctx, p, limit, begun.Add(period), done); ended || err != nil {
			return err
		}
	}
}

// spend lets the process run until its CPU clock stands at limit, and stops it then until the period ends. ended says that done
// is closed; the process runs in any case.
func spend(ctx context.Context, p *process, limit time.Duration, end time.Time, done <-chan struct{}) (ended bool, err error) {
	held := false
	defer func() {
		if held {
			_ = p.Signal(syscall.SIGCONT) // it fails only for a process that has ended
		}
	}()
	for now().Before(end) {
		select {
		case <-done:
			return true, nil
		case <-ctx.Done():
			return true, ctx.Err()
		case <-p.Done():
			return true, errProcessEnded
		default:
		}
		sleep := unix.Timeval{Usec: look}
		_, _ = unix.Select(0, nil, nil, nil, &sleep) // Go's own timers can be a millisecond late
		if held {
			continue
		}
		used, err := child.CPUTime(p.Pid())
		if err != nil {
			return true, err
		}
		if used < limit {
			continue
		}
		if err := p.Signal(syscall.SIGSTOP); err != nil {
			return true, fmt.Errorf("stopping the process: %w", err)
		}
		held = true
	}
	return false, nil
}
