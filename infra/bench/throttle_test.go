package main

import (
	"context"
	"errors"
	"os/exec"
	"testing"
	"time"

	"latchkey/infra/local/child"
	"latchkey/infra/testkit"
)

// startBusyProcess starts a process that uses a whole CPU until the test ends.
func startBusyProcess(t *testing.T) *process {
	t.Helper()
	started, err := child.Start(exec.Command("sh", "-c", "while :; do :; done"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { started.Stop(0) })
	return &process{Process: started}
}

// TestThrottleLimitsAProcessToItsShare checks that a process never exceeds its share by more than a quarter, and that it can get at
// least half of it. On a busy machine, the second may need several attempts.
func TestThrottleLimitsAProcessToItsShare(t *testing.T) {
	busy := startBusyProcess(t)
	const length, attempts = 25 * period, 10
	for _, s := range []share{14, 29} {
		full := length * time.Duration(s) / 100
		var used time.Duration
		for attempt := 0; attempt < attempts && used < full/2; attempt++ {
			used = cpuTimeDuring(t, busy, func() {
				ctx, cancel := context.WithTimeout(t.Context(), length)
				defer cancel()
				if err := throttle(ctx, busy, s, nil); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("throttle at %d %%: got %v, want %v", s, err, context.DeadlineExceeded)
				}
			})
			if used > full*5/4 {
				t.Errorf("at %d %%: got %v of CPU time in %v, want at most %v", s, used, length, full*5/4)
			}
		}
		if used < full/2 {
			t.Errorf("at %d %%: got %v of CPU time in %v after %d attempts, want at least %v", s, used, length, attempts, full/2)
		}
	}
}

// cpuTimeDuring returns the CPU time that a process uses while do runs.
func cpuTimeDuring(t *testing.T, p *process, do func()) time.Duration {
	t.Helper()
	before, err := child.CPUTime(p.Pid())
	if err != nil {
		t.Fatal(err)
	}
	do()
	after, err := child.CPUTime(p.Pid())
	if err != nil {
		t.Fatal(err)
	}
	return after - before
}

func TestThrottleLeavesTheProcessRunning(t *testing.T) {
	busy := startBusyProcess(t)
	ctx, cancel := context.WithTimeout(t.Context(), 3*period)
	defer cancel()
	_ = throttle(ctx, busy, 1, nil) // ends with ctx, while the process is stopped
	before, err := child.CPUTime(busy.Pid())
	if err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "the process to use CPU time", func() bool {
		after, err := child.CPUTime(busy.Pid())
		return err == nil && after > before
	})
}
