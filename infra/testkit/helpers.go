package testkit

import (
	"bytes"
	"sync"
	"testing"
	"time"

	"latchkey/infra/local/engine"
)

// Root returns the folder of go.mod, which also contains template.yaml and the installed tools.
func Root(t testing.TB) string {
	t.Helper()
	root, err := engine.Root()
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// Buffer is a [bytes.Buffer] that is safe for concurrent use. The zero value is empty.
type Buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements [io.Writer].
func (b *Buffer) Write(data []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(data)
}

// String returns everything that has been written.
func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// eventuallyTimeout is far longer than any condition takes, even on a busy machine.
const eventuallyTimeout = 20 * time.Second

// Eventually waits until condition returns true. It fails the test after 20 s, with want as the description of the
// condition.
func Eventually(t testing.TB, want string, condition func() bool) {
	t.Helper()
	deadline := time.NewTimer(eventuallyTimeout)
	defer deadline.Stop()
	for !condition() {
		select {
		case <-deadline.C:
			t.Fatalf("after %v, still want %s", eventuallyTimeout, want)
		case <-time.After(5 * time.Millisecond):
		}
	}
}
