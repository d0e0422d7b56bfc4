package password

import (
	"crypto/pbkdf2"
	"crypto/subtle"
	"encoding/base64"
	"hash"
	"strings"
)

// maxIterations limits PBKDF2 with any digest. It takes 1.1 s with SHA-512 and 0.4 s with SHA-256. Django 5.2 uses 1,000,000
// iterations, and each of its releases adds a fifth.
const maxIterations = 2_500_000

// pbkdf2Hash is a PBKDF2 hash (RFC 8018 §5.2) with the HMAC of a digest.
type pbkdf2Hash struct {
	digest     func() hash.Hash
	iterations uint32
	salt, tag  []byte
}

// readDjangoPBKDF2 reads the fields of Django: iterations, the salt as text, the tag in base64.
func readDjangoPBKDF2(digest func() hash.Hash, fields []string) (storedHash, bool) {
	if len(fields) != 3 {
		return nil, false
	}
	iterations, costOK := cost(fields[0])
	tag, tagOK := decode(base64.StdEncoding, fields[2])
	return pbkdf2Hash{digest: digest, iterations: iterations, salt: []byte(fields[1]), tag: tag}, costOK && tagOK
}

// readPBKDF2 reads the fields of passlib: iterations, then salt and tag in base64 without padding and with "." instead of "+".
func readPBKDF2(digest func() hash.Hash, fields []string) (storedHash, bool) {
	if len(fields) != 3 || strings.Contains(fields[1]+fields[2], "+") {
		return nil, false
	}
	plain := strings.NewReplacer(".", "+")
	iterations, costOK := cost(fields[0])
	salt, tag, pairOK := decodePair(base64.RawStdEncoding, plain.Replace(fields[1]), plain.Replace(fields[2]))
	return pbkdf2Hash{digest: digest, iterations: iterations, salt: salt, tag: tag}, costOK && pairOK
}

// isAffordable requires a tag of the size of the digest, because each further block would cost all iterations again.
func (h pbkdf2Hash) isAffordable() bool {
	return h.iterations >= 1 && h.iterations <= maxIterations && sizesFit(h.salt, h.tag) && len(h.tag) == h.digest().Size()
}

func (h pbkdf2Hash) matches(pw []byte) (bool, error) {
	tag, err := pbkdf2.Key(h.digest, string(pw), h.salt, int(h.iterations), len(h.tag))
	return err == nil && subtle.ConstantTimeCompare(tag, h.tag) == 1, err
}
