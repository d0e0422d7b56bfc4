// Package password decides which passwords are taken, and stores and checks them as argon2id hashes.
//
// [Policy] says whether a new password may be used, [Hasher] makes the text that is stored and compares a password with
// it, [Hasher.Dummy] is compared when there is no account, so that a wrong name costs what a wrong password does.
//
// The package knows no accounts and keeps nothing; it neither trims, truncates nor normalises what it is given. A
// password of another Unicode normalisation is another password (contract; ASVS 5.0 V6.2.8).
package password

import (
	"crypto/subtle"
	"fmt"
	"io"
	"sync/atomic"

	"golang.org/x/crypto/argon2"

	"latchkey/pkg/secret"
)

// Hasher makes and checks password hashes. It may be used by several goroutines if its random source may; each hash
// under way holds Params.MemoryKiB of memory.
type Hasher struct {
	params Params
	random io.Reader
	hashes atomic.Uint64
}

// NewHasher returns a Hasher that makes hashes with params, [Current] outside of tests. Salts are read from random, which
// must be a cryptographic source that cannot fail, as crypto/rand.Reader is.
func NewHasher(params Params, random io.Reader) *Hasher {
	return &Hasher{params: params, random: random}
}

// Hash returns the PHC string to store for pw, under a new salt. It panics when the random source fails.
func (h *Hasher) Hash(pw secret.String) secret.String {
	salt := make([]byte, saltSize)
	if _, err := io.ReadFull(h.random, salt); err != nil {
		panic("password: the random source failed: " + err.Error())
	}
	made := stored{params: h.params, salt: salt, tag: h.derive(pw, h.params, salt, tagSize)}
	return secret.New(made.String())
}

// Verify says whether pw made the stored PHC string, in constant time. An error is never the fault of who typed the
// password: it wraps [ErrUnreadable] or [ErrCost], and then no hash was computed.
func (h *Hasher) Verify(phc, pw secret.String) (bool, error) {
	known, err := parse(phc.Reveal())
	if err != nil {
		return false, fmt.Errorf("reading a stored password hash: %w", err)
	}
	tag := h.derive(pw, known.params, known.salt, len(known.tag))
	return subtle.ConstantTimeCompare(tag, known.tag) == 1, nil
}

// Dummy is the stored hash of nobody. Comparing with it costs what comparing with an account's hash does.
func (h *Hasher) Dummy() secret.String { return secret.New(dummy) }

// Hashes is how many hashes were computed since the Hasher was made. Tests hold with it that an unknown user costs one
// and that a malformed request costs none.
func (h *Hasher) Hashes() uint64 { return h.hashes.Load() }

// derive is the one place where the work is done, and counted.
func (h *Hasher) derive(pw secret.String, params Params, salt []byte, size int) []byte {
	h.hashes.Add(1)
	return argon2.IDKey([]byte(pw.Reveal()), salt, params.Time, params.MemoryKiB, params.Threads, uint32(size))
}
