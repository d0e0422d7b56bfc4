package child

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// CPUTime is the CPU time that a process has used so far, all threads together, to the nanosecond. The clock's id is made as
// clock_getcpuclockid(3) does, so it is for measurements on Linux.
func CPUTime(pid int) (time.Duration, error) {
	const scheduled = 2
	var used unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|scheduled), &used); err != nil {
		return 0, fmt.Errorf("reading the CPU clock of process %d: %w", pid, err)
	}
	return time.Duration(used.Nano()), nil
}
