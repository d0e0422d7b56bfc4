package main

import (
	"context"
	"errors"
	"os/exec"
	"testing"
	"time"

	"latchkey/infra/local/child"
)

// A process that would use a whole CPU gets its share, a quarter more at most, and on a busy machine half of it at least.
func TestThrottleHoldsAProcessToItsShare(t *testing.T) {
	started, err := child.Start(exec.Command("sh", "-c", "while :; do :; done"))
	if err != nil {
		t.Fatal(err)
	}
	busy := &process{Process: started}
	defer busy.Stop(0)
	const length = 25 * period
	for _, s := range []share{14, 29} {
		before, err := child.CPUTime(busy.Pid())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), length)
		if err := throttle(ctx, busy, s, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("throttling ended with %v", err)
		}
		cancel()
		after, err := child.CPUTime(busy.Pid())
		if err != nil {
			t.Fatal(err)
		}
		used, fair := after-before, length*time.Duration(s)/100
		if used > fair*5/4 || used < fair/2 {
			t.Errorf("at %d %%: used %v of CPU in %v, the share is %v", s, used, length, fair)
		}
	}
}

func TestThrottleLeavesTheProcessRunning(t *testing.T) {
	started, err := child.Start(exec.Command("sh", "-c", "while :; do :; done"))
	if err != nil {
		t.Fatal(err)
	}
	busy := &process{Process: started}
	defer busy.Stop(0)
	ctx, cancel := context.WithTimeout(t.Context(), 3*period)
	defer cancel()
	_ = throttle(ctx, busy, 1, nil) // ends by ctx, in the middle of a hold
	before, err := child.CPUTime(busy.Pid())
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if after, err := child.CPUTime(busy.Pid()); err == nil && after > before {
			return
		}
	}
	t.Error("the process is still stopped")
}
