package password

import (
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"math"
	"runtime"

	"golang.org/x/crypto/argon2"
)

// Params holds the cost parameters of argon2id (RFC 9106 §3.1).
type Params struct {
	MemoryKiB uint32 // memory in KiB
	Time      uint32 // passes over the memory
	Threads   uint8  // lanes, computed in parallel
}

// Current holds the parameters of new hashes: 19 MiB, two passes, one lane, the minimum of the OWASP Password Storage Cheat
// Sheet. More memory would cost money at every login, and more lanes do not help a function with one CPU.
var Current = Params{MemoryKiB: 19456, Time: 2, Threads: 1}

// dummy is a stored hash with the parameters of [Current]. No password for it is known, because argon2id did not compute it:
// salt and tag are the SHA-256 of two fixed texts, which the test has. It is a literal because computing a hash would take
// longer than the rest of a cold start.
const dummy = "$argon2id$v=19$m=19456,t=2,p=1$prZqEDtheuRoaYweYEIqcA$aG1Xbxrlb7c3Wx8rnKf3kZsKCjSQ1AWyWVGtiGyNMVM"

// Sizes in new hashes, in bytes (RFC 9106 §4: 128-bit salt, 256-bit tag).
const (
	saltSize = 16
	tagSize  = 32
)

// Limits of argon2. Maximum memory and work together are the "moderate" setting of libsodium and take 0.8 s.
const (
	maxMemoryKiB = 256 << 10
	maxWorkKiB   = 768 << 10 // MemoryKiB × Time, twenty times that of Current
	maxThreads   = 16
)

// Variants of argon2 (RFC 9106 §3.1). New hashes are argon2id, and argon2i is only verified.
const (
	argon2id = "argon2id"
	argon2i  = "argon2i"
)

// argon2Version is the version of RFC 9106, 0x13, as a field of the PHC string.
const argon2Version = "v=19"

// argon2Hash is an argon2 hash, from a PHC string or from Django's form, which puts a name before it.
type argon2Hash struct {
	variant   string
	params    Params
	salt, tag []byte
}

func readArgon2id(fields []string) (storedHash, bool) { return readArgon2(argon2id, fields) }

func readArgon2i(fields []string) (storedHash, bool) { return readArgon2(argon2i, fields) }

func readArgon2(variant string, fields []string) (storedHash, bool) {
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

// String returns the PHC string.
func (h argon2Hash) String() string {
	encode := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$%s$%s$m=%d,t=%d,p=%d$%s$%s",
		h.variant, argon2Version, h.params.MemoryKiB, h.params.Time, h.params.Threads, encode(h.salt), encode(h.tag))
}

// isAffordable checks the minimum of RFC 9106 §3.1 and the limits of this package.
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

// derive computes a tag of pw with the given size in bytes. It collects the memory of the previous hash first and can then use it
// again. Otherwise a process would have the memory of two hashes.
func (h argon2Hash) derive(pw []byte, size int) []byte {
	if h.params.MemoryKiB >= Current.MemoryKiB {
		runtime.GC()
	}
	key := argon2.IDKey
	if h.variant == argon2i {
		key = argon2.Key
	}
	return key(pw, h.salt, h.params.Time, h.params.MemoryKiB, h.params.Threads, uint32(size))
}
