package password

import (
	"crypto/sha1" //nolint:gosec // PBKDF2 with SHA-1 is read, never made; its weakness to collisions is of no use there
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
)

// What is computed for a stored hash is bounded before it is computed, since a hash may have been imported or planted.
//
// A login has 9.5 s, in which an account that keeps changing is verified three times and hashed once; so one verification
// may take about a second of a CPU, and where that is stands beside each format. A function of 1,769 MB holds 256 MiB,
// and as much again that is not yet collected. The bounds let in the defaults of Django, passlib and PHP and every
// recommendation of OWASP.
const (
	minSalt   = 8
	minTag    = 16
	maxField  = 64  // bytes of salt, of tag
	maxStored = 512 // bytes in all; what the other bounds let in has less than half of it
)

// ErrUnreadable is wrapped by the error for a stored value that is in no known format, or not in its one spelling.
var ErrUnreadable = errors.New("not in a known format")

// ErrCost is wrapped by the error for a stored value whose parameters are out of bounds.
var ErrCost = errors.New("cost parameters out of bounds")

// stored is a password hash as it is stored, taken apart.
type stored interface {
	// isAffordable says whether the parameters are within the bounds of what is computed here.
	isAffordable() bool
	// matches says whether pw made the hash, in constant time. It does the work, so isAffordable comes before it.
	matches(pw []byte) (bool, error)
}

// formats are told apart by how the text begins; the rest is fields between dollar signs. PHC strings and bcrypt's begin
// with a dollar sign, Django's with a name, some of which stand before a whole string of the other kind.
var formats = [...]struct {
	prefix string
	read   func(fields []string) (stored, bool)
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
	{"pbkdf2_sha256$", func(fields []string) (stored, bool) { return readDjangoPBKDF2(sha256.New, fields) }},
	{"pbkdf2_sha1$", func(fields []string) (stored, bool) { return readDjangoPBKDF2(sha1.New, fields) }},
	{"$pbkdf2-sha256$", func(fields []string) (stored, bool) { return readPBKDF2(sha256.New, fields) }},
	{"$pbkdf2-sha512$", func(fields []string) (stored, bool) { return readPBKDF2(sha512.New, fields) }},
	{"$pbkdf2$", func(fields []string) (stored, bool) { return readPBKDF2(sha1.New, fields) }},
	{"$scrypt$", readScrypt},
	{"scrypt$", readDjangoScrypt},
}

// parse reads a hash in any of the formats and computes nothing.
func parse(text string) (stored, error) {
	if len(text) > maxStored {
		return nil, ErrUnreadable
	}
	for _, format := range formats {
		rest, is := strings.CutPrefix(text, format.prefix)
		if !is {
			continue
		}
		known, ok := format.read(strings.Split(rest, "$"))
		if !ok {
			return nil, ErrUnreadable
		}
		if !known.isAffordable() {
			return nil, ErrCost
		}
		return known, nil
	}
	return nil, ErrUnreadable
}

// decode reads base64 in its one spelling; the decoder alone passes over line breaks and unused bits.
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

// cost reads a decimal number of 32 bits in its one spelling: no sign, no leading zero.
func cost(text string) (uint32, bool) {
	number, err := strconv.ParseUint(text, 10, 32)
	return uint32(number), err == nil && strconv.FormatUint(number, 10) == text
}

// costs reads a PHC string's parameters, "m=19456,t=2,p=1" for the names m, t and p: just these, in this order.
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

// sizesFit says whether salt and tag have sizes that are computed with.
func sizesFit(salt, tag []byte) bool {
	return len(salt) >= minSalt && len(salt) <= maxField && len(tag) >= minTag && len(tag) <= maxField
}
