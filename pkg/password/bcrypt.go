package password

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

// Limits of bcrypt's cost, the binary logarithm of its rounds. A cost of 14 takes 0.9 s.
const (
	minBcryptCost = 4
	maxBcryptCost = 14
)

// The fields of a bcrypt string are two digits of cost, then salt and tag in 22 and 31 letters of bcrypt's own alphabet.
const (
	bcryptCostSize = 2
	bcryptTailSize = 53
	bcryptAlphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
)

// bcryptHash is a bcrypt hash. Versions 2a, 2b and 2y are computed alike: they denote implementations without the faults of
// earlier ones. Versions 2 and 2x denote faulty ones and are not read.
//
// bcrypt uses the first 72 bytes of a password and ignores the rest. This implementation does the same, so everyone who could
// log in before still can. The hash that replaces it covers the whole password as typed.
type bcryptHash struct {
	text    string // in version 2b
	cost    uint32
	prepare func(pw []byte) []byte // applied to a password before bcrypt
}

func readBcrypt(fields []string) (storedHash, bool) {
	return readBcryptAfter(func(pw []byte) []byte { return pw }, fields)
}

// readBcryptSHA256 reads the format in which Django avoids the limit of 72 bytes.
func readBcryptSHA256(fields []string) (storedHash, bool) { return readBcryptAfter(hexSHA256, fields) }

func hexSHA256(pw []byte) []byte {
	sum := sha256.Sum256(pw)
	return hex.AppendEncode(nil, sum[:])
}

func readBcryptAfter(prepare func(pw []byte) []byte, fields []string) (storedHash, bool) {
	if len(fields) != 2 || len(fields[0]) != bcryptCostSize || len(fields[1]) != bcryptTailSize {
		return nil, false
	}
	rounds, ok := cost(strings.TrimPrefix(fields[0], "0"))
	if !ok || strings.Trim(fields[1], bcryptAlphabet) != "" {
		return nil, false
	}
	return bcryptHash{text: "$2b$" + strings.Join(fields, "$"), cost: rounds, prepare: prepare}, true
}

func (h bcryptHash) isAffordable() bool { return h.cost >= minBcryptCost && h.cost <= maxBcryptCost }

func (h bcryptHash) matches(pw []byte) (bool, error) {
	err := bcrypt.CompareHashAndPassword([]byte(h.text), h.prepare(pw))
	if errors.Is(err, bcrypt.ErrMismatchedHashAndPassword) {
		return false, nil
	}
	return err == nil, err
}
