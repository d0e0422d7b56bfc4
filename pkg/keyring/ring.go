package keyring

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"latchkey/pkg/guard"
	"latchkey/pkg/id"
	"latchkey/pkg/outbox"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
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

// advance changes to the key that has become current. Without a valid set, the former one stays in use.
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

// with calls do with the key set. If a key is not in it, with reads the keys again and repeats the call with the newer set.
func with[T any](r *Ring, do func(*token.KeySet) (T, error)) (T, error) {
	set := r.set()
	result, err := do(set)
	if errors.Is(err, token.ErrUnknownKey) {
		if newer := r.seek(); newer != set {
			return do(newer)
		}
	}
	return result, err
}

// DerivingKey calls [token.KeySet.DerivingKey].
func (r *Ring) DerivingKey() string { return r.set().DerivingKey() }

// PublicJWKS calls [token.KeySet.PublicJWKS]. The set includes the next key and the previous ones.
func (r *Ring) PublicJWKS() []byte { return r.set().PublicJWKS() }

// SealRefresh calls [token.KeySet.SealRefresh].
func (r *Ring) SealRefresh(kid string, claims session.RefreshClaims) (secret.String, error) {
	return with(r, func(set *token.KeySet) (secret.String, error) { return set.SealRefresh(kid, claims) })
}

// OpenRefresh calls [token.KeySet.OpenRefresh].
func (r *Ring) OpenRefresh(raw string) (session.RefreshClaims, error) {
	return with(r, func(set *token.KeySet) (session.RefreshClaims, error) { return set.OpenRefresh(raw) })
}

// SealMail calls [token.KeySet.SealMail].
func (r *Ring) SealMail(kid string, kind outbox.Purpose, mail id.ID) (secret.String, error) {
	return with(r, func(set *token.KeySet) (secret.String, error) { return set.SealMail(kid, kind, mail) })
}

// OpenMail calls [token.KeySet.OpenMail].
func (r *Ring) OpenMail(kind outbox.Purpose, raw string) (id.ID, error) {
	return with(r, func(set *token.KeySet) (id.ID, error) { return set.OpenMail(kind, raw) })
}

// SealDevice calls [token.KeySet.SealDevice].
func (r *Ring) SealDevice(claims guard.Familiar) secret.String { return r.set().SealDevice(claims) }

// OpenDevice calls [token.KeySet.OpenDevice].
func (r *Ring) OpenDevice(raw string) (guard.Familiar, error) {
	return with(r, func(set *token.KeySet) (guard.Familiar, error) { return set.OpenDevice(raw) })
}

// Authority signs and verifies access tokens with the keys of a Ring. It is safe for concurrent use. It must not be copied.
type Authority struct {
	ring             *Ring
	issuer, audience string
	bound            atomic.Pointer[boundAuthority]
}

// boundAuthority is the authority for one key set. A new key set gets a new authority with an empty memory, so the tokens of a
// revoked key are forgotten.
type boundAuthority struct {
	set       *token.KeySet
	authority *token.Authority
}

// NewAuthority returns the authority of an issuer for an audience. See [token.NewAuthority].
func NewAuthority(ring *Ring, issuer, audience string) *Authority {
	return &Authority{ring: ring, issuer: issuer, audience: audience}
}

func (a *Authority) of(set *token.KeySet) *token.Authority {
	current := a.bound.Load()
	if current == nil || current.set != set {
		current = &boundAuthority{set: set, authority: token.NewAuthority(set, a.issuer, a.audience)}
		a.bound.Store(current)
	}
	return current.authority
}

// SignAccess calls [token.Authority.SignAccess].
func (a *Authority) SignAccess(claims session.AccessClaims) (secret.String, error) {
	return a.of(a.ring.set()).SignAccess(claims)
}

// VerifyAccess calls [token.Authority.VerifyAccess].
func (a *Authority) VerifyAccess(raw string, now time.Time) (session.AccessClaims, error) {
	return with(a.ring, func(set *token.KeySet) (session.AccessClaims, error) { return a.of(set).VerifyAccess(raw, now) })
}
