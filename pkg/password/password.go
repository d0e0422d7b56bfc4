// Package password decides which passwords are taken, stores them as argon2id hashes, and checks them against these and
// against those that other systems have left.
//
// [Policy] says whether a new password may be used, [Hasher] makes the text that is stored and compares a password with
// it, [Hasher.Dummy] is compared when there is no account, so that a wrong name costs what a wrong password does.
// What can be read, and replaced by [Hasher.Renew] once its password is known: argon2id and argon2i, bcrypt, PBKDF2 and
// scrypt, as PHC strings, as passlib writes them and as Django does.
//
// The package knows no accounts and keeps nothing; it neither trims, truncates nor normalises what it is given. A
// password of another Unicode normalisation is another password (contract; ASVS 5.0 V6.2.8).
package password

import (
	"fmt"
	"io"

	"latchkey/pkg/random"
	"latchkey/pkg/secret"
)

// Hasher makes and checks password hashes. It may be used by several goroutines if its random source may; each hash
// under way holds Params.MemoryKiB of memory.
type Hasher struct {
	params Params
	random io.Reader
}

// NewHasher returns a Hasher that makes hashes with params, [Current] outside of tests. Salts are read from random, which
// must be a cryptographic source that cannot fail, as crypto/rand.Reader is.
func NewHasher(params Params, random io.Reader) *Hasher {
	return &Hasher{params: params, random: random}
}

// Hash returns the PHC string to store for pw, under a new salt. It panics when the random source fails.
func (h *Hasher) Hash(pw secret.String) secret.String {
	salt := random.Bytes(h.random, saltSize)
	made := argon2Hash{variant: argon2id, params: h.params, salt: salt}
	made.tag = made.derive([]byte(pw.Reveal()), tagSize)
	return secret.New(made.String())
}

// Verify says whether pw made the stored hash, in constant time. An error is never the fault of who typed the password: it
// wraps [ErrUnreadable] or [ErrCost], and then no hash was computed.
func (h *Hasher) Verify(hash, pw secret.String) (bool, error) {
	known, err := parse(hash.Reveal())
	if err != nil {
		return false, fmt.Errorf("reading a stored password hash: %w", err)
	}
	match, err := known.matches([]byte(pw.Reveal()))
	if err != nil {
		return false, fmt.Errorf("computing a password hash: %w", err)
	}
	return match, nil
}

// Renew returns the hash to store for pw from now on, which has just been verified against hash: that one itself if it is
// like those that Hash makes, otherwise a new one. Hashes with higher costs are replaced as well, so that all accounts
// come to take the same time.
func (h *Hasher) Renew(hash, pw secret.String) secret.String {
	if h.isCurrent(hash.Reveal()) {
		return hash
	}
	return h.Hash(pw)
}

// isCurrent says whether text could be one that Hash has made.
func (h *Hasher) isCurrent(text string) bool {
	known, err := parse(text)
	made, is := known.(argon2Hash)
	return err == nil && is && made.variant == argon2id && made.params == h.params &&
		len(made.salt) == saltSize && len(made.tag) == tagSize && made.String() == text
}

// Dummy is the stored hash of nobody. Comparing with it costs what comparing with an account's hash does.
func (h *Hasher) Dummy() secret.String { return secret.New(dummy) }
