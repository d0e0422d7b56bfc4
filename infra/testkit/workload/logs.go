package workload

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"
)

// LogMeter counts the lines and bytes that each function logs, and reads the durations in them.
type LogMeter struct {
	mu  sync.Mutex
	all map[string]Logged
}

// Logged is what a function has logged.
type Logged struct {
	Lines    int
	Bytes    int           // of the lines as they would be in AWS
	Duration time.Duration // of the last request
}

// Write implements [io.Writer]. It expects one line per call, which begins with the folder of the function.
func (m *LogMeter) Write(line []byte) (int, error) {
	folder, text, _ := bytes.Cut(line, []byte(" | "))
	var request struct {
		Milliseconds float64 `json:"duration_ms"`
	}
	_ = json.Unmarshal(text, &request) // lines of other kinds have no duration
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.all == nil {
		m.all = map[string]Logged{}
	}
	logged := m.all[string(folder)]
	logged.Lines++
	logged.Bytes += sizeInAWS(text)
	if request.Milliseconds > 0 {
		logged.Duration = time.Duration(request.Milliseconds * float64(time.Millisecond))
	}
	m.all[string(folder)] = logged
	return len(line), nil
}

// Of returns what the function in a folder has logged.
func (m *LogMeter) Of(folder string) Logged {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.all[folder]
}

const (
	lineTimeout = 5 * time.Second // from a function's log call to the meter; log lines and responses travel separately
	linePause   = time.Millisecond
)

// Await waits until the function in a folder has logged so many lines, and returns what it has logged.
func (m *LogMeter) Await(ctx context.Context, folder string, lines int) (Logged, error) {
	ctx, cancel := context.WithTimeout(ctx, lineTimeout)
	defer cancel()
	for {
		logged := m.Of(folder)
		if logged.Lines >= lines {
			return logged, nil
		}
		select {
		case <-ctx.Done():
			return Logged{}, fmt.Errorf("got %d log lines of %s, want %d", logged.Lines, folder, lines)
		case <-time.After(linePause):
		}
	}
}

// The maximum lengths, in AWS, of what is shorter in the lines of a local stack.
const (
	functionLength = 64 // of the name of a function
	requestLength  = 36 // of the id of a request, a UUID
	sourceLength   = 23 // of the network of an IPv6 address
)

// sizeInAWS returns the bytes of a line in AWS, where some names are longer than here. A line is charged without its line feed.
func sizeInAWS(line []byte) int {
	size := len(bytes.TrimSuffix(line, []byte("\n")))
	var members struct {
		Function, Source *string
		RequestID        *string `json:"request_id"`
	}
	if json.Unmarshal(line, &members) != nil {
		return size
	}
	for _, member := range []struct {
		value  *string
		length int
	}{{members.Function, functionLength}, {members.RequestID, requestLength}, {members.Source, sourceLength}} {
		if member.value != nil {
			size += max(0, member.length-len(*member.value))
		}
	}
	return size
}
