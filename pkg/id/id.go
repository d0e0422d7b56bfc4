// Package id makes and reads identifiers: random UUIDs (RFC 9562, version 4). Users, sessions, mails, devices, access
// tokens, leases and store operations have one.
//
// An ID is a name and not a credential: knowing one grants no access.
package id

import (
	"encoding/hex"
	"errors"
	"io"

	"latchkey/pkg/random"
)

// Size is the length of an ID in bytes.
const Size = 16

// ID is the 16 bytes of a UUID. The zero value is no identifier.
type ID [Size]byte

// ErrMalformed is the error of [Parse] for any text except the canonical form.
var ErrMalformed = errors.New("not a UUID in canonical form")

// New returns an ID with 122 random bits from source. The demands on source are those of [random.Bytes].
func New(source io.Reader) ID {
	created := ID(random.Bytes(source, Size))
	created[6] = created[6]&0x0f | 0x40
	created[8] = created[8]&0x3f | 0x80
	return created
}

// Parse reads the text form that [ID.String] returns: 36 characters, lower case. Any other form is [ErrMalformed], so that
// each ID has only one spelling.
func Parse(text string) (ID, error) {
	var parsed ID
	if len(text) != 36 {
		return ID{}, ErrMalformed
	}
	compact := text[0:8] + text[9:13] + text[14:18] + text[19:23] + text[24:36]
	if _, err := hex.Decode(parsed[:], []byte(compact)); err != nil || parsed.String() != text {
		return ID{}, ErrMalformed
	}
	return parsed, nil
}

// String returns the canonical text form, for example 550e8400-e29b-41d4-a716-446655440000.
func (i ID) String() string {
	var text [36]byte
	hex.Encode(text[0:8], i[0:4])
	hex.Encode(text[9:13], i[4:6])
	hex.Encode(text[14:18], i[6:8])
	hex.Encode(text[19:23], i[8:10])
	hex.Encode(text[24:36], i[10:16])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text[:])
}

// IsZero reports whether i is the zero value.
func (i ID) IsZero() bool { return i == ID{} }
