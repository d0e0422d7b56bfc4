package main

import (
	"context"
	"fmt"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"latchkey/infra/local/child"
)

// period is the period of Lambda's CPU quota, as functions can observe it. In each period, a function may use its share and is then
// paused.
const period = 20 * time.Millisecond

// look is the interval at which the CPU time of a process is read, in microseconds. It bounds the excess of one period, which is
// subtracted from the next.
const look = 100

// share is a part of one CPU, in per cent.
type share int

// unthrottled is the share of a process that is not throttled at all.
const unthrottled share = 0

func (s share) String() string {
	if s == unthrottled {
		return "a whole CPU"
	}
	return strconv.Itoa(int(s)) + " % of a CPU"
}

func (s share) quota() time.Duration { return period * time.Duration(s) / 100 }

// throttle limits a process to a share of one CPU until done is closed, like the kernel's bandwidth control but without its
// privileges: it reads the CPU clock of the process and stops the process with SIGSTOP until the period is over. The first period
// begins with the call, because a function that was frozen resumes with its whole quota.
func throttle(ctx context.Context, p *process, s share, done <-chan struct{}) error {
	limit, err := child.CPUTime(p.Pid())
	if err != nil {
		return err
	}
	for {
		start := now()
		used, err := child.CPUTime(p.Pid())
		if err != nil {
			return err
		}
		limit = min(limit, used) + s.quota() // unused quota expires, and an excess is subtracted
		if ended, err := spend(ctx, p, limit, start.Add(period), done); ended || err != nil {
			return err
		}
	}
}

// spend lets the process run until its CPU clock reaches limit, and then stops it until the period ends. ended reports that done is
// closed. The process runs when spend returns.
func spend(ctx context.Context, p *process, limit time.Duration, end time.Time, done <-chan struct{}) (ended bool, err error) {
	paused := false
	defer func() {
		if paused {
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
		if paused {
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
		paused = true
	}
	return false, nil
}
