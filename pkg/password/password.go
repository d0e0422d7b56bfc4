// Package password decides which passwords are acceptable, hashes them with argon2id, and verifies them against these hashes
// and against the hashes of other systems.
//
// [Policy] checks a new password. [Hasher] computes the text to store and verifies a password against it. Verifying against
// [Hasher.Dummy] takes the same time when there is no account, so that a wrong name costs as much as a wrong password.
//
// The readable formats are argon2id and argon2i, bcrypt, PBKDF2 and scrypt, as PHC strings and as written by passlib and
// Django. Once the password is known, [Hasher.Renew] replaces hashes in other formats than the current one.
//
// The package has no access to accounts and stores nothing. It never trims, truncates or normalizes a password: another
// Unicode normalization is another password (contract; ASVS 5.0 V6.2.8).
package password

import (
	"fmt"
	"io"

	"latchkey/pkg/random"
	"latchkey/pkg/secret"
)

// Hasher computes and verifies password hashes. It is safe for concurrent use if its random source is. Each computation in
// progress uses Params.MemoryKiB of memory.
type Hasher struct {
	params Params
	random io.Reader
}

// NewHasher returns a Hasher that computes new hashes with params, which is [Current] outside of tests. It reads salts from
// random. The demands on random are those of [random.Bytes].
func NewHasher(params Params, random io.Reader) *Hasher {
	return &Hasher{params: params, random: random}
}

// Hash returns the PHC string to store for pw, with a new salt. It panics if the random source fails.
func (h *Hasher) Hash(pw secret.String) secret.String {
	salt := random.Bytes(h.random, saltSize)
	hash := argon2Hash{variant: argon2id, params: h.params, salt: salt}
	hash.tag = hash.derive([]byte(pw.Reveal()), tagSize)
	return secret.New(hash.String())
}

// Verify reports in constant time whether the stored hash is that of pw. The error wraps [ErrUnreadable] or [ErrCost]. It
// concerns the stored hash and never the password, and no hash was computed.
func (h *Hasher) Verify(hash, pw secret.String) (bool, error) {
	parsed, err := parse(hash.Reveal())
	if err != nil {
		return false, fmt.Errorf("reading a stored password hash: %w", err)
	}
	match, err := parsed.matches([]byte(pw.Reveal()))
	if err != nil {
		return false, fmt.Errorf("computing a password hash: %w", err)
	}
	return match, nil
}

// Renew returns the hash to store for pw, which the caller has just verified against hash. It returns hash itself if that
// has the format and parameters of Hash, and otherwise a new hash. It also replaces hashes with higher costs, so that over
// time all accounts take the same time.
func (h *Hasher) Renew(hash, pw secret.String) secret.String {
	if h.isCurrent(hash.Reveal()) {
		return hash
	}
	return h.Hash(pw)
}

// isCurrent reports whether Hash could have returned text.
func (h *Hasher) isCurrent(text string) bool {
	parsed, err := parse(text)
	current, ok := parsed.(argon2Hash)
	return err == nil && ok && current.variant == argon2id && current.params == h.params &&
		len(current.salt) == saltSize && len(current.tag) == tagSize && current.String() == text
}

// Dummy returns a hash that matches no known password. Verifying against it costs as much as against the hash of an account.
func (h *Hasher) Dummy() secret.String { return secret.New(dummy) }
