package keyring

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"latchkey/pkg/token"
)

// The life of a key
//
//	          create            from               `from` of the successor   after Settle and life
//	(nothing) ────▶ next ──────────────▶ current ────────────────▶ previous ────────────────▶ deleted
//	                 │                      │                         │
//	                 └──────────────────────┴── revoke ───────────────┴──▶ invalid immediately
//
// The role of a key follows from dates in the parameters and from the clock. No write makes a next key current. In a family,
// the current key is the one with the highest number of those with a `from` that has come. Lower numbers are previous and higher
// ones are next. Each function derives the roles itself, so all functions change keys at the same time, within the accuracy of
// their clocks.
//
// Next. A key is created with a `from` at least Notice in the future. By then, every function has read the key and every
// verifier's copy of the published set has expired. All keys verify as soon as they are read, so it does not matter which
// function changes first. Only the first key of a family, and the successor of a revoked key, are current immediately.
//
// Previous. After its successor has been current for Settle, no function signs with an asymmetric key any more. Its parameter is
// then overwritten with the public part, which verifies existing tokens and creates no new ones. A symmetric key is kept
// unchanged, because it verifies with the same secret.
//
// Deleted. `life` is the lifetime of the longest-lived token of the key. It is stored when the key is created. It is raised
// while the key is next or current if the settings allow longer lifetimes. It is never lowered, because existing tokens keep
// their lifetime. The parameter is deleted after the successor has been current for Settle and `life`, when all tokens of the key
// have expired.
//
// One run of Rotate does everything that is due. It reads all parameters, decides by the dates alone, and each of its writes is
// complete in itself:
//   - Create adds number n+1 while the family ends at n. The name acts as the lock. Of two concurrent runs, one creates the key,
//     and the other learns that it exists and continues.
//   - Raise, strip and delete write the same in two concurrent runs, and may be repeated.
//
// A run that dies between two writes therefore leaves a valid state, and the next run completes the work.
//
// Revoked. A revocation is a parameter of its own. It is created before the key is deleted and takes effect immediately: from
// then on, the parameter of the key is ignored, even if a concurrent run writes it again. If the key is current or next, its
// successor is created first. Functions notice a revocation within the maximum age of their key set. All tokens of the key
// become invalid with it.
//
// Invariants, each checked by a test:
//   - No run creates a second next key, or a key with a name that was used before.
//   - A function that reads at any moment, including between two writes, finds a complete key set.
//   - All functions have read a key before any function uses it.
//   - Nothing is deleted while a token that needs it can be valid.
//   - No private part of an asymmetric key outlasts its use.

// Schedule determines when keys change.
type Schedule struct {
	Algorithm string // of new signing keys

	Period time.Duration // for which a key is current
	Notice time.Duration // for which a key is next, at least
	Tick   time.Duration // between two runs; a run also does what becomes due before the next one

	// Settle is the time for which some function may still use the previous key, because it has not read the keys since, or its
	// clock is behind.
	Settle time.Duration

	SigningLife  time.Duration // of the longest-lived access token
	DerivingLife time.Duration // of the longest-lived derived token
}

// life returns the lifetime of the longest-lived token of a family.
func (s Schedule) life(family string) time.Duration {
	if family == signing {
		return s.SigningLife
	}
	return s.DerivingLife
}

// algorithm returns the algorithm of new keys of a family.
func (s Schedule) algorithm(family string) string {
	if family == signing {
		return s.Algorithm
	}
	return "HS256"
}

// Rotator changes the keys of a stack.
type Rotator struct {
	store    Store
	path     string
	schedule Schedule
	now      func() time.Time
	random   io.Reader
	log      *slog.Logger
}

// NewRotator returns a Rotator for the keys below path. random must be a cryptographic source.
func NewRotator(
	store Store, path string, schedule Schedule, now func() time.Time, random io.Reader, log *slog.Logger,
) *Rotator {
	return &Rotator{store: store, path: path, schedule: schedule, now: now, random: random, log: log}
}

// Rotate does everything that is due, and then checks that the key set is complete. It is safe to call at any time and
// concurrently.
func (r *Rotator) Rotate(ctx context.Context) error {
	stored, err := r.read(ctx)
	if err != nil {
		return fmt.Errorf("rotating the keys: %w", err)
	}
	err = errors.Join(r.rotate(ctx, stored, signing), r.rotate(ctx, stored, deriving), r.finishRevocations(ctx, stored))
	if err == nil {
		err = r.verify(ctx)
	}
	if err != nil {
		return fmt.Errorf("rotating the keys: %w", err)
	}
	return nil
}

// read reads all parameters below the path, and logs the unknown ones.
func (r *Rotator) read(ctx context.Context) (contents, error) {
	values, err := r.store.ReadBelow(ctx, r.path)
	if err != nil {
		return contents{}, err
	}
	stored, err := read(r.path, values)
	if len(stored.foreign) > 0 {
		r.log.ErrorContext(ctx, "there are unknown parameters among the keys", "names", stored.foreign)
	}
	return stored, err
}

// verify checks that functions can use the keys.
func (r *Rotator) verify(ctx context.Context) error {
	stored, err := r.read(ctx)
	if err != nil {
		return err
	}
	_, err = stored.keySet(r.path, r.now())
	return err
}

// rotate does everything that is due in one family.
func (r *Rotator) rotate(ctx context.Context, stored contents, name string) error {
	now := r.now()
	keys := stored.families[name]
	if len(keys) == 0 {
		_, err := r.create(ctx, name, stored.lastNumber(name)+1, now)
		return err
	}
	for _, key := range keys[keys.current(now):] {
		if err := r.raise(ctx, key); err != nil {
			return err
		}
	}
	if from, due := r.successor(keys[len(keys)-1], now); due {
		if _, err := r.create(ctx, name, stored.lastNumber(name)+1, from); err != nil {
			return err
		}
	}
	for i, key := range keys[:keys.current(now)] {
		if err := r.retire(ctx, key, keys[i+1].from, now); err != nil {
			return err
		}
	}
	return nil
}

// successor reports whether the newest key needs a successor now, and the `from` of that successor.
func (r *Rotator) successor(newest record, now time.Time) (from time.Time, due bool) {
	soonest := now.Add(r.schedule.Notice + time.Second).Truncate(time.Second) // rounded up to whole seconds
	if newest.summary.Symmetric || newest.summary.Algorithm == r.schedule.Algorithm {
		from = newest.from.Add(r.schedule.Period)
		return later(from, soonest), !soonest.Add(r.schedule.Tick).Before(from)
	}
	return soonest, true // the algorithm has changed
}

// create creates a key and reports whether it did. It does nothing if another run has created a key with that number.
func (r *Rotator) create(ctx context.Context, name string, number int, from time.Time) (created bool, err error) {
	key, err := token.GenerateKey(r.random, r.schedule.algorithm(name))
	if err != nil {
		return false, err
	}
	next := record{
		name: nameOf(name, number), key: key, from: from.UTC().Truncate(time.Second), life: r.schedule.life(name),
	}
	value, err := next.encode()
	if err != nil {
		return false, err
	}
	if created, err = r.store.Create(ctx, r.path+"/"+next.name, value); created {
		r.log.InfoContext(ctx, "a key was created", "name", next.name, "from", next.from)
	}
	return created, err
}

// raise updates the life of a next or current key if the settings allow longer lifetimes.
func (r *Rotator) raise(ctx context.Context, key record) error {
	family, _, _ := numberOf(key.name)
	life := r.schedule.life(family)
	if key.life >= life {
		return nil
	}
	key.life = life
	return r.replace(ctx, key)
}

// retire deletes a previous key, or its private part, when it is no longer needed. superseded is the `from` of its successor.
func (r *Rotator) retire(ctx context.Context, key record, superseded, now time.Time) error {
	settled := superseded.Add(r.schedule.Settle)
	switch {
	case !now.Before(settled.Add(key.life)):
		r.log.InfoContext(ctx, "a key is deleted", "name", key.name)
		return r.store.Delete(ctx, r.path+"/"+key.name)
	case !now.Before(settled) && key.summary.Private && !key.summary.Symmetric:
		public, err := token.PublicPart(key.key)
		if err != nil {
			return err
		}
		key.key = public
		return r.replace(ctx, key)
	}
	return nil
}

func (r *Rotator) replace(ctx context.Context, key record) error {
	value, err := key.encode()
	if err != nil {
		return err
	}
	return r.store.Replace(ctx, r.path+"/"+key.name, value)
}

// lastNumber returns the highest number used in the family, including revoked keys.
func (c contents) lastNumber(family string) int {
	last := 0
	for _, key := range c.families[family] {
		last = max(last, key.number)
	}
	for name := range c.revoked {
		if of, number, _ := numberOf(name); of == family {
			last = max(last, number)
		}
	}
	return last
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
