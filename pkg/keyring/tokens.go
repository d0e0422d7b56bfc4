package keyring

import (
	"errors"
	"sync/atomic"
	"time"

	"latchkey/pkg/guard"
	"latchkey/pkg/id"
	"latchkey/pkg/outbox"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
	"latchkey/pkg/token"
)

// with does something with the key set, and once more with a newer one if a key is not in it.
func with[T any](r *Ring, do func(*token.KeySet) (T, error)) (T, error) {
	set := r.set()
	made, err := do(set)
	if errors.Is(err, token.ErrUnknownKey) {
		if newer := r.seek(); newer != set {
			return do(newer)
		}
	}
	return made, err
}

// DerivingKey is [token.KeySet.DerivingKey].
func (r *Ring) DerivingKey() string { return r.set().DerivingKey() }

// PublicJWKS is [token.KeySet.PublicJWKS]: the next key and the previous ones are in it.
func (r *Ring) PublicJWKS() []byte { return r.set().PublicJWKS() }

// SealRefresh is [token.KeySet.SealRefresh].
func (r *Ring) SealRefresh(kid string, claims session.RefreshClaims) (secret.String, error) {
	return with(r, func(set *token.KeySet) (secret.String, error) { return set.SealRefresh(kid, claims) })
}

// OpenRefresh is [token.KeySet.OpenRefresh].
func (r *Ring) OpenRefresh(raw string) (session.RefreshClaims, error) {
	return with(r, func(set *token.KeySet) (session.RefreshClaims, error) { return set.OpenRefresh(raw) })
}

// SealMail is [token.KeySet.SealMail].
func (r *Ring) SealMail(kid string, kind outbox.Purpose, mail id.ID) (secret.String, error) {
	return with(r, func(set *token.KeySet) (secret.String, error) { return set.SealMail(kid, kind, mail) })
}

// OpenMail is [token.KeySet.OpenMail].
func (r *Ring) OpenMail(kind outbox.Purpose, raw string) (id.ID, error) {
	return with(r, func(set *token.KeySet) (id.ID, error) { return set.OpenMail(kind, raw) })
}

// SealDevice is [token.KeySet.SealDevice].
func (r *Ring) SealDevice(claims guard.DeviceClaims) secret.String { return r.set().SealDevice(claims) }

// OpenDevice is [token.KeySet.OpenDevice].
func (r *Ring) OpenDevice(raw string) (guard.DeviceClaims, error) {
	return with(r, func(set *token.KeySet) (guard.DeviceClaims, error) { return set.OpenDevice(raw) })
}

// Authority signs and verifies access tokens with the keys of a Ring. It is safe for concurrent use, and must not be copied.
type Authority struct {
	ring             *Ring
	issuer, audience string
	bound            atomic.Pointer[bound]
}

// bound is the authority of one key set. Another set has another, and with it an empty memory of tokens: those of a key that
// was revoked are not remembered.
type bound struct {
	set       *token.KeySet
	authority *token.Authority
}

// NewAuthority returns the authority of an issuer for an audience; see [token.NewAuthority].
func NewAuthority(ring *Ring, issuer, audience string) *Authority {
	return &Authority{ring: ring, issuer: issuer, audience: audience}
}

func (a *Authority) of(set *token.KeySet) *token.Authority {
	held := a.bound.Load()
	if held == nil || held.set != set {
		held = &bound{set: set, authority: token.NewAuthority(set, a.issuer, a.audience)}
		a.bound.Store(held)
	}
	return held.authority
}

// SignAccess is [token.Authority.SignAccess].
func (a *Authority) SignAccess(claims session.AccessClaims) (secret.String, error) {
	return a.of(a.ring.set()).SignAccess(claims)
}

// VerifyAccess is [token.Authority.VerifyAccess].
func (a *Authority) VerifyAccess(raw string, now time.Time) (session.AccessClaims, error) {
	return with(a.ring, func(set *token.KeySet) (session.AccessClaims, error) { return a.of(set).VerifyAccess(raw, now) })
}
