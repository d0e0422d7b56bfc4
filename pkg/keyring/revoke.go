package keyring

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrNoSuchKey is what a revocation gets that names no key.
var ErrNoSuchKey = errors.New("there is no key of that name")

// errRaced says that another run made the key that was to be made.
var errRaced = errors.New("another rotation was under way: try again")

// Revoke takes a key out of use at once, by its name as in signing/0003. What it has made dies with it: access tokens, or all
// refresh tokens and links that it derived. Repeated, it does what is left of it.
func (r *Rotator) Revoke(ctx context.Context, name string) error {
	found, err := r.read(ctx)
	if err == nil {
		err = r.revoke(ctx, found, name)
	}
	if err != nil {
		return fmt.Errorf("revoking %q: %w", name, err)
	}
	return nil
}

func (r *Rotator) revoke(ctx context.Context, found holding, name string) error {
	if _, is := found.revoked[name]; is {
		return r.store.Delete(ctx, r.path+"/"+name)
	}
	family, _, _ := numberOf(name)
	now := r.now()
	for i, key := range found.families[family] {
		if key.name != name {
			continue
		}
		if i >= found.families[family].current(now) {
			if err := r.supersede(ctx, family, found.lastNumber(family)+1, now); err != nil {
				return err
			}
		}
		return r.withdraw(ctx, key, now)
	}
	return ErrNoSuchKey
}

// supersede makes a key that counts at once.
func (r *Rotator) supersede(ctx context.Context, family string, number int, now time.Time) error {
	made, err := r.create(ctx, family, number, now)
	if err == nil && !made {
		err = errRaced
	}
	return err
}

// withdraw writes the revocation, which is kept for as long as anything that the key made could be shown.
func (r *Rotator) withdraw(ctx context.Context, key record, now time.Time) error {
	until, err := encodeRevocation(now.Add(r.schedule.Settle + key.life).UTC().Truncate(time.Second))
	if err != nil {
		return err
	}
	if _, err := r.store.Create(ctx, r.path+"/"+revoked+"/"+key.name, until); err != nil {
		return err
	}
	r.log.WarnContext(ctx, "security event", "event", "key_revoked", "name", key.name)
	return r.store.Delete(ctx, r.path+"/"+key.name)
}

// finishRevocations deletes what is left of revoked keys, and revocations that have no key to keep away any more.
func (r *Rotator) finishRevocations(ctx context.Context, found holding) error {
	for _, key := range found.withdrawn {
		if err := r.store.Delete(ctx, r.path+"/"+key.name); err != nil {
			return err
		}
	}
	for name, until := range found.revoked {
		if !r.now().Before(until) {
			if err := r.store.Delete(ctx, r.path+"/"+revoked+"/"+name); err != nil {
				return err
			}
		}
	}
	return nil
}

// Destroy deletes all keys of a stack that goes. Parameters that are not ours stay. It works on keys that cannot be read, too.
func (r *Rotator) Destroy(ctx context.Context) error {
	values, err := r.store.ReadBelow(ctx, r.path)
	if err != nil {
		return fmt.Errorf("deleting the keys: %w", err)
	}
	for full := range values {
		if !isOurs(r.path, full) {
			continue
		}
		if err := r.store.Delete(ctx, full); err != nil {
			return fmt.Errorf("deleting the keys: %w", err)
		}
	}
	return nil
}
