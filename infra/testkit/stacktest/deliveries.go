package stacktest

import (
	"context"
	"sync"

	"latchkey/infra/local/streams"
)

// Deliveries pauses and resumes the delivery of streams to functions. Its methods are for one goroutine.
type Deliveries struct {
	lock   sync.RWMutex // each delivery holds it for reading
	paused bool
}

// Pause waits for the deliveries in progress and holds later ones back until Resume. It has no effect if deliveries are
// paused already.
func (d *Deliveries) Pause() {
	if !d.paused {
		d.lock.Lock()
		d.paused = true
	}
}

// Resume lets deliveries continue. It has no effect if they are not paused.
func (d *Deliveries) Resume() {
	if d.paused {
		d.paused = false
		d.lock.Unlock()
	}
}

// Paused reports whether deliveries are paused.
func (d *Deliveries) Paused() bool { return d.paused }

func (d *Deliveries) wrap(next streams.Invoke) streams.Invoke {
	return func(ctx context.Context, function string, payload []byte) ([]byte, error) {
		d.lock.RLock()
		defer d.lock.RUnlock()
		return next(ctx, function, payload)
	}
}
