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
//	          made             from               from of its successor       life and Settle later
//	(nothing) ────▶ next ──────────────▶ current ────────────────▶ previous ────────────────▶ gone
//	                 │                      │                         │
//	                 └──────────────────────┴── revoked ──────────────┴──▶ counts for nothing, at once
//
// What a key is follows from dates that stand in the parameters, and from the clock: no write turns next into current. Of a
// family, that key is current which has the highest number of those whose `from` has come; those before it are previous, those
// after it next. Every function draws that conclusion by itself, so all go over to a key together, give or take their clocks.
//
// Next. A key is made with a `from` at least Notice away, by when every function has read it and every verifier's copy of the
// published set has expired. All keys verify from the moment they are read, so it does not matter who goes over first. Only
// the first key of a family counts at once, as there is no other, and one that replaces a revoked key.
//
// Previous. Once its successor has been current for Settle, nobody signs with an asymmetric key any more, and its parameter is
// overwritten by its public part: it can verify what it made and make nothing more. A symmetric key stays whole, since
// verifying takes all of it.
//
// Gone. `life` is how long the longest-lived thing lives that the key can have made. It is written when the key is made, and
// raised while the key is next or current if the settings have come to allow longer lives; it never falls, since what was made
// before a setting was lowered lives on. The parameter is deleted when the successor has been current for Settle and life:
// whatever the key made has expired by itself.
//
// One run of Rotate does whatever is due. It reads everything, decides by the dates alone, and each of its writes is complete
// in itself:
//   - create: number n+1 while the family ends at n. The name is the lock: of two runs at once one makes it, and the other is
//     told and is content, since what it wanted is there;
//   - raise, strip and delete: of two runs at once both write the same, and doing it again changes nothing.
//
// So a run that dies between any two writes leaves a state that is sound as it is, and the next run does the rest.
//
// Revoked. A revocation is a parameter of its own, which is created before anything is deleted, and counts from then on: the
// key's own parameter means nothing any more, whoever may be writing it at the time. A key that may sign or derive now or later
// has its successor made first. Functions notice within their greatest age of a key set; what the key has made dies with it.
//
// Invariants, each held by a test:
//   - no run makes a second next key, or a key whose name was given before;
//   - a function that reads at any moment, between any two writes too, finds a whole key set;
//   - a key is read by everybody before it is used by anybody;
//   - nothing is dropped while something that it made can live;
//   - no private part of an asymmetric key outlasts its use.

// Schedule is when keys change.
type Schedule struct {
	Algorithm string // of new signing keys

	Period time.Duration // a key is current for that long
	Notice time.Duration // and next for that long before, at least
	Tick   time.Duration // the time between two runs: what comes due before the next one is done now

	// Settle is how long after a key's time has come some function may still use the one before: one that has not read the keys
	// since, or whose clock is behind.
	Settle time.Duration

	SigningLife  time.Duration // of the longest-lived access token
	DerivingLife time.Duration // of the longest-lived derived token
}

// life is that of what a key of the family can make.
func (s Schedule) life(family string) time.Duration {
	if family == signing {
		return s.SigningLife
	}
	return s.DerivingLife
}

// algorithm is that of the family's new keys.
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

// NewRotator returns a Rotator of the keys below path. random must be a cryptographic source.
func NewRotator(
	store Store, path string, schedule Schedule, now func() time.Time, random io.Reader, log *slog.Logger,
) *Rotator {
	return &Rotator{store: store, path: path, schedule: schedule, now: now, random: random, log: log}
}

// Rotate does what is due, and makes sure that there is a whole key set afterwards. It may be called at any time, and several
// times at once.
func (r *Rotator) Rotate(ctx context.Context) error {
	found, err := r.read(ctx)
	if err != nil {
		return fmt.Errorf("rotating the keys: %w", err)
	}
	err = errors.Join(r.rotate(ctx, found, signing), r.rotate(ctx, found, deriving), r.finishRevocations(ctx, found))
	if err == nil {
		err = r.verify(ctx)
	}
	if err != nil {
		return fmt.Errorf("rotating the keys: %w", err)
	}
	return nil
}

// read takes everything below the path, and tells of what should not be there.
func (r *Rotator) read(ctx context.Context) (holding, error) {
	values, err := r.store.ReadBelow(ctx, r.path)
	if err != nil {
		return holding{}, err
	}
	found, err := read(r.path, values)
	if len(found.foreign) > 0 {
		r.log.ErrorContext(ctx, "among the keys there are parameters that are none", "names", found.foreign)
	}
	return found, err
}

// verify reads the keys as functions do.
func (r *Rotator) verify(ctx context.Context) error {
	found, err := r.read(ctx)
	if err != nil {
		return err
	}
	_, err = found.keySet(r.path, r.now())
	return err
}

// rotate does what is due in one family.
func (r *Rotator) rotate(ctx context.Context, found holding, name string) error {
	now := r.now()
	keys := found.families[name]
	if len(keys) == 0 {
		_, err := r.create(ctx, name, found.lastNumber(name)+1, now)
		return err
	}
	for _, key := range keys[keys.current(now):] {
		if err := r.raise(ctx, key); err != nil {
			return err
		}
	}
	if from, due := r.successor(keys[len(keys)-1], now); due {
		if _, err := r.create(ctx, name, found.lastNumber(name)+1, from); err != nil {
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

// successor says whether the newest key needs one, and from when on that counts.
func (r *Rotator) successor(newest record, now time.Time) (from time.Time, due bool) {
	soonest := now.Add(r.schedule.Notice + time.Second).Truncate(time.Second) // whole seconds, and never too soon
	if newest.what.Symmetric || newest.what.Algorithm == r.schedule.Algorithm {
		from = newest.from.Add(r.schedule.Period)
		return later(from, soonest), !soonest.Add(r.schedule.Tick).Before(from)
	}
	return soonest, true // the algorithm was changed
}

// create makes a key, unless another run has made that number.
func (r *Rotator) create(ctx context.Context, name string, number int, from time.Time) (made bool, err error) {
	key, err := token.GenerateKey(r.random, r.schedule.algorithm(name))
	if err != nil {
		return false, err
	}
	fresh := record{
		name: nameOf(name, number), key: key, from: from.UTC().Truncate(time.Second), life: r.schedule.life(name),
	}
	value, err := fresh.encode()
	if err != nil {
		return false, err
	}
	if made, err = r.store.Create(ctx, r.path+"/"+fresh.name, value); made {
		r.log.InfoContext(ctx, "a key was made", "name", fresh.name, "from", fresh.from)
	}
	return made, err
}

// raise lets a key that is still to make something live as long as that.
func (r *Rotator) raise(ctx context.Context, key record) error {
	family, _, _ := numberOf(key.name)
	life := r.schedule.life(family)
	if key.life >= life {
		return nil
	}
	key.life = life
	return r.replace(ctx, key)
}

// retire takes from a previous key what it needs no more. superseded is when its successor's time came.
func (r *Rotator) retire(ctx context.Context, key record, superseded, now time.Time) error {
	settled := superseded.Add(r.schedule.Settle)
	switch {
	case !now.Before(settled.Add(key.life)):
		r.log.InfoContext(ctx, "a key is gone", "name", key.name)
		return r.store.Delete(ctx, r.path+"/"+key.name)
	case !now.Before(settled) && key.what.Private && !key.what.Symmetric:
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

// lastNumber is the highest number that the family has given, revoked keys included.
func (h holding) lastNumber(family string) int {
	last := 0
	for _, key := range h.families[family] {
		last = max(last, key.number)
	}
	for name := range h.revoked {
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
