package ruletests

import (
	"crypto/rand"
	"sync/atomic"

	"latchkey/pkg/password"
	"latchkey/pkg/secret"
)

// countingHasher is a real Hasher that counts the hashes that it computes. Tests use it to show that a login with an unknown
// name computes one and that a malformed request computes none. It is safe for concurrent use.
type countingHasher struct {
	*password.Hasher
	computed atomic.Uint64
}

// cheapHasher returns a countingHasher with minimal parameters. No rule depends on the cost of a hash.
func cheapHasher() *countingHasher {
	return &countingHasher{Hasher: password.NewHasher(password.Params{MemoryKiB: 64, Time: 1, Threads: 1}, rand.Reader)}
}

// Hashes returns the number of hashes computed so far.
func (h *countingHasher) Hashes() uint64 { return h.computed.Load() }

// Hash computes one hash.
func (h *countingHasher) Hash(pw secret.String) secret.String {
	h.computed.Add(1)
	return h.Hasher.Hash(pw)
}

// Verify computes one hash, unless it returns an error.
func (h *countingHasher) Verify(hash, pw secret.String) (bool, error) {
	match, err := h.Hasher.Verify(hash, pw)
	if err == nil {
		h.computed.Add(1)
	}
	return match, err
}

// Renew computes one hash, unless it returns hash itself.
func (h *countingHasher) Renew(hash, pw secret.String) secret.String {
	renewed := h.Hasher.Renew(hash, pw)
	if renewed != hash {
		h.computed.Add(1)
	}
	return renewed
}
