package password

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
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

// Bounds of what is computed for a stored hash. They let in every recommendation of OWASP and the defaults of the common
// libraries, and keep a hash that was planted or imported from taking a function's memory or time.
const (
	maxMemoryKiB = 128 << 10
	maxWorkKiB   = 256 << 10 // MemoryKiB × Time: seven times that of Current
	maxThreads   = 16
	minSalt      = 8
	minTag       = 16
	maxField     = 64 // bytes of salt, of tag
)

// ErrUnreadable is wrapped by the error for a stored value that is no PHC string of argon2id, version 19, in its one
// canonical spelling.
var ErrUnreadable = errors.New("not in a known format")

// ErrCost is wrapped by the error for a stored value whose parameters are out of bounds.
var ErrCost = errors.New("cost parameters out of bounds")

// phcFormat is the PHC string format up to salt and tag. Parsing and printing share it, so that they cannot differ.
const phcFormat = "$argon2id$v=19$m=%d,t=%d,p=%d$%s"

// stored is a PHC string, taken apart.
type stored struct {
	params    Params
	salt, tag []byte
}

// parse reads a PHC string. Scanning is lenient (leading zeros, signs, line breaks in the base64); comparing the
// string printed again with the one given makes the whole strict.
func parse(phc string) (stored, error) {
	var read stored
	var encoded string
	if _, err := fmt.Sscanf(phc, phcFormat, &read.params.MemoryKiB, &read.params.Time, &read.params.Threads, &encoded); err != nil {
		return stored{}, ErrUnreadable
	}
	salt, tag, _ := strings.Cut(encoded, "$")
	var saltErr, tagErr error
	read.salt, saltErr = base64.RawStdEncoding.DecodeString(salt)
	read.tag, tagErr = base64.RawStdEncoding.DecodeString(tag)
	if saltErr != nil || tagErr != nil || read.String() != phc {
		return stored{}, ErrUnreadable
	}
	if !read.isAffordable() {
		return stored{}, ErrCost
	}
	return read, nil
}

// String is the PHC string, as it is stored.
func (s stored) String() string {
	encoded := base64.RawStdEncoding.EncodeToString(s.salt) + "$" + base64.RawStdEncoding.EncodeToString(s.tag)
	return fmt.Sprintf(phcFormat, s.params.MemoryKiB, s.params.Time, s.params.Threads, encoded)
}

// isAffordable holds the least that RFC 9106 §3.1 asks for and the most that is computed here.
func (s stored) isAffordable() bool {
	p := s.params
	work := uint64(p.MemoryKiB) * uint64(p.Time)
	return p.Threads >= 1 && p.Threads <= maxThreads &&
		p.MemoryKiB >= 8*uint32(p.Threads) && p.MemoryKiB <= maxMemoryKiB &&
		p.Time >= 1 && work <= maxWorkKiB &&
		len(s.salt) >= minSalt && len(s.salt) <= maxField &&
		len(s.tag) >= minTag && len(s.tag) <= maxField
}
