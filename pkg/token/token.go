// Package token creates and verifies the tokens of clients, and holds the key set for both. Access tokens are signed JWTs.
// Refresh tokens, device cookies and the tokens in mails are derived by HMAC. It is the only package that imports golang-jwt.
//
// It guarantees three things. A token is accepted only if this key set created it and no bit has changed. All refusals are one
// error, [ErrInvalid], with a cause for the log that never contains text of the token. No key can be printed.
//
// It has no access to accounts or sessions. A valid token proves its origin, and only the store shows whether its session is
// still live. The package reads neither the clock nor the environment.
//
// Only the signature methods of golang-jwt are used. Its parser decodes with encoding/json, which uses the last of two members
// with the same name and ignores case in names, so that two readers of one token could see different claims (RFC 8725 §2.4).
package token

import (
	"encoding/base64"
	"errors"
	"strings"
)

// ErrInvalid is the error for every unusable token, whatever the cause. The text of a returned error adds the cause, for the
// log.
var ErrInvalid = errors.New("the token is not valid")

// ErrUnknownKey is the error for a key that is not in the set. A set that is read later may contain it.
var ErrUnknownKey = errors.New("the key is not in the key set")

// unknownKey is the refusal of a token with a key that is not in the set. It matches ErrUnknownKey too.
const unknownKey refusal = "its key is not in the key set"

// refusal is an ErrInvalid with its cause. It is a constant text, so it cannot contain a part of the token, and creating it
// needs no allocation.
type refusal string

func (r refusal) Error() string { return ErrInvalid.Error() + ": " + string(r) }

func (r refusal) Unwrap() error { return ErrInvalid }

// Is makes unknownKey match ErrUnknownKey in errors.Is.
func (r refusal) Is(target error) bool { return target == ErrUnknownKey && r == unknownKey }

var strictBase64 = base64.RawURLEncoding.Strict()

// encode returns base64url without padding (RFC 7515 §2).
func encode(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

// decode accepts only the exact output of encode: no padding, and no bits set after the last byte. The standard decoder skips
// line breaks even in strict mode, so they are refused first.
func decode(text string) ([]byte, bool) {
	if strings.ContainsAny(text, "\r\n") {
		return nil, false
	}
	data, err := strictBase64.DecodeString(text)
	return data, err == nil
}
