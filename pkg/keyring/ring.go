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
	// readTime limits one attempt to read the keys during a request.
	readTime = 2 * time.Second

	// leastPause is the minimum time between two attempts. It limits the calls while the store is unavailable, and during a
	// flood of tokens with unknown keys.
	leastPause = 30 * time.Second
)

// Options configures a [Ring].
type Options struct {
	Path   string        // of the keys of the stack, without a trailing slash
	MaxAge time.Duration // maximum age of the keys at the start of a request
	Now    func() time.Time
	Log    *slog.Logger
}

// Ring is a key set that follows the parameters it was read from. It is safe for concurrent use.
//
// It reads the parameters at the start, in [Ring.Fresh] if they are older than MaxAge, and when a token names a key that is not
// in the set. It changes from one key to the next by the clock, without a call. If it cannot read a complete key set, it keeps
// the former one and logs an error.
type Ring struct {
	reader  Reader // nil for a set that never changes
	options Options
	state   atomic.Pointer[ringState]

	mu          sync.Mutex // locked while reading
	lastAttempt time.Time  // to read, guarded by mu
}

// ringState holds the parameters and the key set that follows from them until next.
type ringState struct {
	values   map[string]secret.String
	contents contents
	read     time.Time
	set      *token.KeySet
	next     time.Time // when the next key becomes current; zero for never
}

// Static returns a Ring with a set that never changes.
func Static(set *token.KeySet) *Ring {
	r := &Ring{}
	r.state.Store(&ringState{set: set})
	return r
}

// Open reads the keys of a stack. It returns an error, with the names of faulty parameters, unless the key set is complete.
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
	r.lastAttempt = now
	return r, nil
}

// Fresh reads the keys again if they are too old. Callers call it at the start of each request.
func (r *Ring) Fresh(ctx context.Context) {
	if r.reader == nil || r.options.Now().Sub(r.state.Load().read) < r.options.MaxAge {
		return
	}
	r.readAgain(ctx)
}

// seek reads the keys again because a token names an unknown key. Token methods take no context, because they usually make no
// call. This rare call therefore has a short timeout of its own.
func (r *Ring) seek() *token.KeySet {
	if r.reader != nil {
		r.readAgain(context.Background())
	}
	return r.set()
}

// readAgain reads the keys unless the last attempt is recent. Of concurrent callers, one reads and the others wait for it.
func (r *Ring) readAgain(ctx context.Context) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.options.Now()
	if now.Sub(r.lastAttempt) < min(leastPause, r.options.MaxAge) {
		return
	}
	r.lastAttempt = now
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	values, err := r.reader.ReadBelow(ctx, r.options.Path)
	if err == nil {
		err = r.take(ctx, values, now)
	}
	if err != nil {
		r.options.Log.ErrorContext(ctx, "the keys could not be read again; the former ones stay in use",
			"read_at", r.state.Load().read, "cause", err.Error())
	}
}

// take stores the values that were read. Unchanged values keep the same set, with the memory that belongs to it.
func (r *Ring) take(ctx context.Context, values map[string]secret.String, now time.Time) error {
	if state := r.state.Load(); state != nil && maps.Equal(state.values, values) {
		same := *state
		same.read = now
		r.state.Store(&same)
		return nil
	}
	stored, err := read(r.options.Path, values)
	if err != nil {
		return err
	}
	set, err := stored.keySet(r.options.Path, now)
	if err != nil {
		return err
	}
	if len(stored.foreign) > 0 {
		r.options.Log.ErrorContext(ctx, "there are unknown parameters among the keys", "names", stored.foreign)
	}
	r.state.Store(&ringState{values: values, contents: stored, read: now, set: set, next: stored.next(now)})
	return nil
}

// set returns the current key set.
func (r *Ring) set() *token.KeySet {
	state := r.state.Load()
	if state.next.IsZero() || r.options.Now().Before(state.next) {
		return state.set
	}
	return r.advance(state)
}

// advance changes to the key that has become current. If that gives no valid set, the former one stays in use.
func (r *Ring) advance(state *ringState) *token.KeySet {
	now := r.options.Now()
	advanced := *state
	advanced.next = state.contents.next(now)
	set, err := state.contents.keySet(r.options.Path, now)
	if err != nil {
		r.options.Log.Error("the next key cannot be used", "cause", err.Error())
	} else {
		advanced.set = set
	}
	if r.state.CompareAndSwap(state, &advanced) {
		return advanced.set
	}
	return r.state.Load().set
}
