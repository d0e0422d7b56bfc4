package password

import (
	"crypto/subtle"
	"encoding/base64"

	"golang.org/x/crypto/scrypt"
)

// Limits of scrypt. The maximum work takes 0.75 s and is twice the recommendation of OWASP. It also limits memory: no factor is
// less than 1, so 128·N·r bytes are at most 256 MiB. The block size r, usually 8, has its own limit because some buffers grow
// with r alone.
const (
	maxScryptWork = 1 << 21 // N·r·p
	maxScryptR    = 64
)

// scryptHash is an scrypt hash (RFC 7914 §2).
type scryptHash struct {
	n, r, p   uint64
	salt, tag []byte
}

// readScrypt reads the fields of a PHC string, which has the cost as a logarithm.
func readScrypt(fields []string) (storedHash, bool) {
	if len(fields) != 3 {
		return nil, false
	}
	numbers, costsOK := costs(fields[0], "ln", "r", "p")
	salt, tag, pairOK := decodePair(base64.RawStdEncoding, fields[1], fields[2])
	if !costsOK || !pairOK {
		return nil, false
	}
	return scryptHash{n: 1 << min(numbers[0], 63), r: uint64(numbers[1]), p: uint64(numbers[2]), salt: salt, tag: tag}, true
}

// readDjangoScrypt reads the fields of Django: N, the salt as text, r, p, the tag in base64.
func readDjangoScrypt(fields []string) (storedHash, bool) {
	if len(fields) != 5 {
		return nil, false
	}
	n, nOK := cost(fields[0])
	r, rOK := cost(fields[2])
	p, pOK := cost(fields[3])
	tag, tagOK := decode(base64.StdEncoding, fields[4])
	parsed := scryptHash{n: uint64(n), r: uint64(r), p: uint64(p), salt: []byte(fields[1]), tag: tag}
	return parsed, nOK && rOK && pOK && tagOK
}

// isAffordable checks each factor before their product, so that the product cannot overflow. N must be a power of 2.
func (h scryptHash) isAffordable() bool {
	return h.n >= 2 && h.n <= maxScryptWork && h.n&(h.n-1) == 0 &&
		h.r >= 1 && h.r <= maxScryptR && h.p >= 1 && h.p <= maxScryptWork &&
		h.n*h.r*h.p <= maxScryptWork && sizesFit(h.salt, h.tag)
}

func (h scryptHash) matches(pw []byte) (bool, error) {
	tag, err := scrypt.Key(pw, h.salt, int(h.n), int(h.r), int(h.p), len(h.tag))
	return err == nil && subtle.ConstantTimeCompare(tag, h.tag) == 1, err
}
