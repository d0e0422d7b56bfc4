package password

import (
	"crypto/sha1" //nolint:gosec // only verifies stored PBKDF2-SHA1 hashes, where collisions do not matter
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
)

// The cost of a stored hash is limited before the hash is computed, because it may have been imported, or planted by an
// attacker.
//
// A login has 9.5 s. In that time, an account that keeps changing is verified three times and hashed once, so one
// verification may take about a second of CPU time. Each format states where that limit lies. A function of 1,769 MB has room
// for 256 MiB and as much again that is not yet collected. The limits allow the defaults of Django, passlib and PHP and all
// recommendations of OWASP.
const (
	minSalt   = 8
	minTag    = 16
	maxField  = 64  // bytes of salt, and of tag
	maxStored = 512 // bytes in total; more than twice the longest text within the other limits
)

// ErrUnreadable is wrapped by the error for a stored value in no known format, or not in the canonical form of its format.
var ErrUnreadable = errors.New("not in a known format")

// ErrCost is wrapped by the error for a stored value with parameters outside the limits.
var ErrCost = errors.New("cost parameters out of bounds")

// storedHash is a parsed password hash.
type storedHash interface {
	// isAffordable reports whether the parameters are within the limits.
	isAffordable() bool
	// matches reports in constant time whether the hash is that of pw. It does the work, so callers check isAffordable first.
	matches(pw []byte) (bool, error)
}

// formats lists the prefixes by which formats are distinguished. The rest of a stored hash is fields between dollar signs.
// PHC strings and bcrypt's begin with a dollar sign. Django's begin with a name, which in some cases precedes a complete
// string of the other kind.
var formats = [...]struct {
	prefix string
	read   func(fields []string) (storedHash, bool)
}{
	{"$argon2id$", readArgon2id},
	{"$argon2i$", readArgon2i},
	{"argon2$argon2id$", readArgon2id},
	{"argon2$argon2i$", readArgon2i},
	{"$2a$", readBcrypt},
	{"$2b$", readBcrypt},
	{"$2y$", readBcrypt},
	{"bcrypt$$2a$", readBcrypt},
	{"bcrypt$$2b$", readBcrypt},
	{"bcrypt_sha256$$2a$", readBcryptSHA256},
	{"bcrypt_sha256$$2b$", readBcryptSHA256},
	{"pbkdf2_sha256$", func(fields []string) (storedHash, bool) { return readDjangoPBKDF2(sha256.New, fields) }},
	{"pbkdf2_sha1$", func(fields []string) (storedHash, bool) { return readDjangoPBKDF2(sha1.New, fields) }},
	{"$pbkdf2-sha256$", func(fields []string) (storedHash, bool) { return readPBKDF2(sha256.New, fields) }},
	{"$pbkdf2-sha512$", func(fields []string) (storedHash, bool) { return readPBKDF2(sha512.New, fields) }},
	{"$pbkdf2$", func(fields []string) (storedHash, bool) { return readPBKDF2(sha1.New, fields) }},
	{"$scrypt$", readScrypt},
	{"scrypt$", readDjangoScrypt},
}

// parse reads a hash in any of the formats. It computes no hash.
func parse(text string) (storedHash, error) {
	if len(text) > maxStored {
		return nil, ErrUnreadable
	}
	for _, format := range formats {
		rest, found := strings.CutPrefix(text, format.prefix)
		if !found {
			continue
		}
		parsed, ok := format.read(strings.Split(rest, "$"))
		if !ok {
			return nil, ErrUnreadable
		}
		if !parsed.isAffordable() {
			return nil, ErrCost
		}
		return parsed, nil
	}
	return nil, ErrUnreadable
}

// decode reads base64 in its canonical form. The decoder alone would accept line breaks and unused bits.
func decode(encoding *base64.Encoding, text string) ([]byte, bool) {
	raw, err := encoding.DecodeString(text)
	return raw, err == nil && encoding.EncodeToString(raw) == text
}

// decodePair reads salt and tag in the same encoding.
func decodePair(encoding *base64.Encoding, saltText, tagText string) (salt, tag []byte, ok bool) {
	salt, saltOK := decode(encoding, saltText)
	tag, tagOK := decode(encoding, tagText)
	return salt, tag, saltOK && tagOK
}

// cost reads a decimal number of 32 bits in its canonical form, without a sign or a leading zero.
func cost(text string) (uint32, bool) {
	number, err := strconv.ParseUint(text, 10, 32)
	return uint32(number), err == nil && strconv.FormatUint(number, 10) == text
}

// costs reads the parameters of a PHC string, for example "m=19456,t=2,p=1" for the names m, t and p. It accepts exactly
// these names, in this order.
func costs(text string, names ...string) ([]uint32, bool) {
	parameters := strings.Split(text, ",")
	if len(parameters) != len(names) {
		return nil, false
	}
	numbers := make([]uint32, len(names))
	for i, parameter := range parameters {
		value, named := strings.CutPrefix(parameter, names[i]+"=")
		number, ok := cost(value)
		if !named || !ok {
			return nil, false
		}
		numbers[i] = number
	}
	return numbers, true
}

// sizesFit reports whether the sizes of salt and tag are within the limits.
func sizesFit(salt, tag []byte) bool {
	return len(salt) >= minSalt && len(salt) <= maxField && len(tag) >= minTag && len(tag) <= maxField
}
