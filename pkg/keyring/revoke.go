package keyring

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrNoSuchKey is the error for a revocation of an unknown key.
var ErrNoSuchKey = errors.New("there is no key with that name")

// errRaced is the error if another run created the successor first.
var errRaced = errors.New("another rotation was in progress: try again")

// Revoke takes a key out of use immediately. Its name is, for example, signing/0003. All its tokens become invalid: access
// tokens, or the refresh tokens, links and device cookies that it derived. Revoke may be repeated, and then completes a
// revocation that was interrupted.
func (r *Rotator) Revoke(ctx context.Context, name string) error {
	stored, err := r.read(ctx)
	if err == nil {
		err = r.revoke(ctx, stored, name)
	}
	if err != nil {
		return fmt.Errorf("revoking %q: %w", name, err)
	}
	return nil
}

func (r *Rotator) revoke(ctx context.Context, stored contents, name string) error {
	if _, ok := stored.revoked[name]; ok {
		return r.store.Delete(ctx, r.path+"/"+name)
	}
	family, _, _ := numberOf(name)
	now := r.now()
	for i, key := range stored.families[family] {
		if key.name != name {
			continue
		}
		if i >= stored.families[family].current(now) {
			if err := r.supersede(ctx, family, stored.lastNumber(family)+1, now); err != nil {
				return err
			}
		}
		return r.withdraw(ctx, key, now)
	}
	return ErrNoSuchKey
}

// supersede creates a key that is current from now on.
func (r *Rotator) supersede(ctx context.Context, family string, number int, now time.Time) error {
	created, err := r.create(ctx, family, number, now)
	if err == nil && !created {
		err = errRaced
	}
	return err
}

// withdraw stores the revocation, which is kept as long as a token of the key could exist, and deletes the key.
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

// finishRevocations deletes the remaining parameters of revoked keys, and revocations that have ended.
func (r *Rotator) finishRevocations(ctx context.Context, stored contents) error {
	for _, key := range stored.withdrawn {
		if err := r.store.Delete(ctx, r.path+"/"+key.name); err != nil {
			return err
		}
	}
	for name, until := range stored.revoked {
		if !r.now().Before(until) {
			if err := r.store.Delete(ctx, r.path+"/"+revoked+"/"+name); err != nil {
				return err
			}
		}
	}
	return nil
}

// Destroy deletes all keys of a stack, including unreadable ones. It keeps parameters that this package does not use.
func (r *Rotator) Destroy(ctx context.Context) error {
	values, err := r.store.ReadBelow(ctx, r.path)
	if err != nil {
		return fmt.Errorf("deleting the keys: %w", err)
	}
	for full := range values {
		if !isKeyParameter(r.path, full) {
			continue
		}
		if err := r.store.Delete(ctx, full); err != nil {
			return fmt.Errorf("deleting the keys: %w", err)
		}
	}
	return nil
}
