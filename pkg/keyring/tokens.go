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
func (r *Ring) SealDevice(claims guard.DeviceClaims) secret.String { return r.set().SealDevice(claims) }

// OpenDevice calls [token.KeySet.OpenDevice].
func (r *Ring) OpenDevice(raw string) (guard.DeviceClaims, error) {
	return with(r, func(set *token.KeySet) (guard.DeviceClaims, error) { return set.OpenDevice(raw) })
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
