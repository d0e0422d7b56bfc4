package password

import (
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"math"

	"golang.org/x/crypto/argon2"
)

// Params are the costs of argon2id (RFC 9106 §3.1).
type Params struct {
	MemoryKiB uint32 // memory in KiB
	Time      uint32 // passes over the memory
	Threads   uint8  // lanes, computed in parallel
}

// Current is what new hashes are made with: 19 MiB, two passes, one lane, the least that the OWASP Password Storage Cheat
// Sheet allows. More memory would be paid for at every login, and lanes are of no use to a function of one CPU.
var Current = Params{MemoryKiB: 19456, Time: 2, Threads: 1}

// dummy is a stored hash with the parameters of [Current]. Nobody knows a password for it, since its salt and tag are not
// computed by argon2id at all: they are the SHA-256 of two fixed texts (the test has them). It is a literal because a hash
// at start would cost more than all the rest of a cold start.
const dummy = "$argon2id$v=19$m=19456,t=2,p=1$prZqEDtheuRoaYweYEIqcA$aG1Xbxrlb7c3Wx8rnKf3kZsKCjSQ1AWyWVGtiGyNMVM"

// Sizes of what is made here, in bytes (RFC 9106 §4: 128-bit salt, 256-bit tag).
const (
	saltSize = 16
	tagSize  = 32
)

// Bounds of argon2. The most memory and work together are libsodium's "moderate" and take 0.8 s.
const (
	maxMemoryKiB = 256 << 10
	maxWorkKiB   = 768 << 10 // MemoryKiB × Time: twenty times that of Current
	maxThreads   = 16
)

// Variants of argon2 (RFC 9106 §3.1): argon2id is made, argon2i read as well.
const (
	argon2id = "argon2id"
	argon2i  = "argon2i"
)

// argon2Version is that of RFC 9106, 0x13, as a field of the PHC string.
const argon2Version = "v=19"

// argon2Hash is a hash by argon2, as a PHC string or as Django writes it, with a name before that.
type argon2Hash struct {
	variant   string
	params    Params
	salt, tag []byte
}

func readArgon2id(fields []string) (stored, bool) { return readArgon2(argon2id, fields) }

func readArgon2i(fields []string) (stored, bool) { return readArgon2(argon2i, fields) }

func readArgon2(variant string, fields []string) (stored, bool) {
	if len(fields) != 4 || fields[0] != argon2Version {
		return nil, false
	}
	numbers, costsOK := costs(fields[1], "m", "t", "p")
	salt, tag, pairOK := decodePair(base64.RawStdEncoding, fields[2], fields[3])
	if !costsOK || !pairOK || numbers[2] > math.MaxUint8 {
		return nil, false
	}
	params := Params{MemoryKiB: numbers[0], Time: numbers[1], Threads: uint8(numbers[2])}
	return argon2Hash{variant: variant, params: params, salt: salt, tag: tag}, true
}

// String is the PHC string.
func (h argon2Hash) String() string {
	encode := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$%s$%s$m=%d,t=%d,p=%d$%s$%s",
		h.variant, argon2Version, h.params.MemoryKiB, h.params.Time, h.params.Threads, encode(h.salt), encode(h.tag))
}

// isAffordable holds the least that RFC 9106 §3.1 asks for and the most that is computed here.
func (h argon2Hash) isAffordable() bool {
	p := h.params
	work := uint64(p.MemoryKiB) * uint64(p.Time)
	return p.Threads >= 1 && p.Threads <= maxThreads &&
		p.MemoryKiB >= 8*uint32(p.Threads) && p.MemoryKiB <= maxMemoryKiB &&
		p.Time >= 1 && work <= maxWorkKiB && sizesFit(h.salt, h.tag)
}

func (h argon2Hash) matches(pw []byte) (bool, error) {
	return subtle.ConstantTimeCompare(h.derive(pw, len(h.tag)), h.tag) == 1, nil
}

// derive computes the tag of pw, size bytes of it.
func (h argon2Hash) derive(pw []byte, size int) []byte {
	key := argon2.IDKey
	if h.variant == argon2i {
		key = argon2.Key
	}
	return key(pw, h.salt, h.params.Time, h.params.MemoryKiB, h.params.Threads, uint32(size))
}
