package keyring

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"latchkey/pkg/secret"
	"latchkey/pkg/token"
)

const (
	// readTime bounds one reading within a request.
	readTime = 2 * time.Second

	// leastPause is between two readings that something else than age asks for, so that neither a store that is away nor a
	// flood of tokens of unknown keys costs more than a call now and then.
	leastPause = 30 * time.Second
)

// Options say how a [Ring] keeps up to date.
type Options struct {
	Path   string        // of the stack's keys, without a slash at the end
	MaxAge time.Duration // of what was read, when a request begins
	Now    func() time.Time
	Log    *slog.Logger
}

// Ring is a key set that follows the parameters it was read from. It is safe for concurrent use.
//
// It is read at the start, by [Ring.Fresh] when it is older than MaxAge, and when a token names a key that is not in it. From
// one key to the next it goes by the clock, without a call. A reading that fails, or finds no whole key set, changes nothing
// but the log.
type Ring struct {
	reader  Reader // nil for a set that never changes
	options Options
	held    atomic.Pointer[reading]

	mu    sync.Mutex // held while reading
	tried time.Time  // when last, under mu
}

// reading is what was read, and what it amounts to until next.
type reading struct {
	values  map[string]secret.String
	holding holding
	read    time.Time
	set     *token.KeySet
	next    time.Time // when another key's time comes; zero for never
}

// Static returns a Ring of a set that never changes.
func Static(set *token.KeySet) *Ring {
	r := &Ring{}
	r.held.Store(&reading{set: set})
	return r
}

// Open reads the keys of a stack. Without a whole key set there is no Ring, and the error says which parameter is at fault.
func Open(ctx context.Context, reader Reader, options Options) (*Ring, error) {
	r := &Ring{reader: reader, options: options}
	now := options.Now()
	values, err := reader.ReadBelow(ctx, options.Path)
	if err != nil {
		return nil, fmt.Errorf("reading the keys: %w", err)
	}
	if err := r.take(ctx, values, now); err != nil {
		return nil, fmt.Errorf("reading the keys: %w", err)
	}
	r.tried = now
	return r, nil
}

// Fresh reads the keys again if they are too old. A request begins with it.
func (r *Ring) Fresh(ctx context.Context) {
	if r.reader == nil || r.options.Now().Sub(r.held.Load().read) < r.options.MaxAge {
		return
	}
	r.readAgain(ctx)
}

// seek reads the keys again for one that is not among them. The rules that ask for a key promise their callers to call
// nothing, so this rare call has no context of theirs but a short time of its own.
func (r *Ring) seek() *token.KeySet {
	if r.reader != nil {
		r.readAgain(context.Background())
	}
	return r.set()
}

// readAgain reads unless it was tried a moment ago. Of several callers at once one reads and the others wait for it.
func (r *Ring) readAgain(ctx context.Context) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.options.Now()
	if now.Sub(r.tried) < min(leastPause, r.options.MaxAge) {
		return
	}
	r.tried = now
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	values, err := r.reader.ReadBelow(ctx, r.options.Path)
	if err == nil {
		err = r.take(ctx, values, now)
	}
	if err != nil {
		r.options.Log.ErrorContext(ctx, "the keys could not be read again and stay as they were",
			"read_at", r.held.Load().read, "cause", err.Error())
	}
}

// take makes what was read the ring's. Values that are the same as before give the same set, with all that was made for it.
func (r *Ring) take(ctx context.Context, values map[string]secret.String, now time.Time) error {
	if held := r.held.Load(); held != nil && maps.Equal(held.values, values) {
		same := *held
		same.read = now
		r.held.Store(&same)
		return nil
	}
	found, err := read(r.options.Path, values)
	if err != nil {
		return err
	}
	set, err := found.keySet(r.options.Path, now)
	if err != nil {
		return err
	}
	if len(found.foreign) > 0 {
		r.options.Log.ErrorContext(ctx, "among the keys there are parameters that are none", "names", found.foreign)
	}
	r.held.Store(&reading{values: values, holding: found, read: now, set: set, next: found.next(now)})
	return nil
}

// set is the key set of this moment.
func (r *Ring) set() *token.KeySet {
	held := r.held.Load()
	if held.next.IsZero() || r.options.Now().Before(held.next) {
		return held.set
	}
	return r.turn(held)
}

// turn goes over to the key whose time has come. Keys that cannot be a set in another order stay in the old one.
func (r *Ring) turn(held *reading) *token.KeySet {
	now := r.options.Now()
	turned := *held
	turned.next = held.holding.next(now)
	set, err := held.holding.keySet(r.options.Path, now)
	if err != nil {
		r.options.Log.Error("the next key cannot be used", "cause", err.Error())
	} else {
		turned.set = set
	}
	if r.held.CompareAndSwap(held, &turned) {
		return turned.set
	}
	return r.held.Load().set
}
