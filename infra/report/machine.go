package report

import (
	"fmt"
	"os"
	"runtime"
	"strings"
)

// Machine describes the machine of a measurement. Both loads are results of [Load].
func Machine(loadBefore, loadAfter string) string {
	return fmt.Sprintf("%d CPUs, %s/%s, %s, load average %s at the start and %s at the end",
		runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version(), loadBefore, loadAfter)
}

// Load returns the load average of the last minute (proc_loadavg(5)).
func Load() string {
	text, err := os.ReadFile("/proc/loadavg")
	load, _, found := strings.Cut(string(text), " ")
	if err != nil || !found {
		return "unknown"
	}
	return load
}
