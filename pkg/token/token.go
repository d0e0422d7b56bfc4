// Package token makes and reads what a client holds: access tokens (signed JWTs) and refresh tokens (derived by HMAC),
// and keeps the key set that both come from. It is the only home of golang-jwt.
//
// What it promises: a token is accepted only if this key set made it, unchanged to the last bit; all refusals are
// one error, [ErrInvalid], whose cause is for the log and never holds text of the token; no key prints itself.
//
// What it is not: it knows no accounts and no sessions. A good token says that we made it, not that its session still
// lives; that is the store's word. It reads neither the clock nor the environment.
//
// From golang-jwt come the signature methods. Its parser is left aside because it decodes with encoding/json, which takes
// the last of two members of one name and matches names without regard to case: two readers of one token could then see
// two different tokens (RFC 8725 §2.4).
package token

import (
	"encoding/base64"
	"errors"
	"strings"
)

// ErrInvalid is what every unusable token gets, whatever is wrong with it.
// The error returned names the cause after it, for the log.
var ErrInvalid = errors.New("the token is not valid")

// ErrUnknownKey says that the key that a token or a caller names is not in the set. A set that was read later may have it.
var ErrUnknownKey = errors.New("the key is not in the key set")

// unknownKey is the refusal of a token whose key is not in the set. It is ErrUnknownKey too.
const unknownKey refusal = "its key is not in the key set"

// refusal is ErrInvalid with its cause. Being a constant text it cannot carry a piece of the token, and it costs no
// allocation to refuse.
type refusal string

func (r refusal) Error() string { return ErrInvalid.Error() + ": " + string(r) }

func (r refusal) Unwrap() error { return ErrInvalid }

// Is makes errors.Is(err, ErrUnknownKey) hold for unknownKey.
func (r refusal) Is(target error) bool { return target == ErrUnknownKey && r == unknownKey }

var strictBase64 = base64.RawURLEncoding.Strict()

// encode writes base64url without padding (RFC 7515 §2).
func encode(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

// decode reads what encode writes and no other spelling of it: no padding, no bits set beyond the last byte. The standard
// decoder skips line breaks even when strict, so they are looked for first.
func decode(text string) ([]byte, bool) {
	if strings.ContainsAny(text, "\r\n") {
		return nil, false
	}
	data, err := strictBase64.DecodeString(text)
	return data, err == nil
}
