package password

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

// Bounds of bcrypt's cost, the binary logarithm of its rounds. 14 takes 0.9 s.
const (
	minBcryptCost = 4
	maxBcryptCost = 14
)

// The fields of a bcrypt string: two digits of cost, then salt and tag, 22 and 31 letters of an alphabet of its own.
const (
	bcryptCostSize = 2
	bcryptTailSize = 53
	bcryptAlphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
)

// bcryptHash is a hash by bcrypt. Its versions 2a, 2b and 2y name implementations without the faults of earlier ones, and
// are computed alike; 2 and 2x name faulty ones and are not read.
//
// bcrypt takes the first 72 bytes of a password and passes over the rest. So does this: whoever could log in before, can.
// The hash that replaces it is of the whole password as it was typed.
type bcryptHash struct {
	text    string // in version 2b
	cost    uint32
	prepare func(pw []byte) []byte // what is done to a password before
}

func readBcrypt(fields []string) (stored, bool) {
	return readBcryptAfter(func(pw []byte) []byte { return pw }, fields)
}

// readBcryptSHA256 reads what Django writes to be free of the limit of 72 bytes.
func readBcryptSHA256(fields []string) (stored, bool) { return readBcryptAfter(hexSHA256, fields) }

func hexSHA256(pw []byte) []byte {
	sum := sha256.Sum256(pw)
	return hex.AppendEncode(nil, sum[:])
}

func readBcryptAfter(prepare func(pw []byte) []byte, fields []string) (stored, bool) {
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
