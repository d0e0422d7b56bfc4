package session

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"

	"latchkey/pkg/id"
	"latchkey/pkg/secret"
)

// cookieSecretSize is the size of the secret in a session cookie, in bytes. ASVS 5.0 V7.2.3 requires 128 bits.
const cookieSecretSize = 32

const cookieSize = 2*id.Size + cookieSecretSize

// cookieEncoding is base64url without padding. It decodes only the one spelling that it writes.
var cookieEncoding = base64.RawURLEncoding.Strict()

// sealCookie returns the value of the cookie for a session: the ids of its user and of itself, and the secret.
func sealCookie(session Ref, key []byte) secret.String {
	value := append(append(session.User[:], session.Session[:]...), key...)
	return secret.New(cookieEncoding.EncodeToString(value))
}

// openCookie returns the session and the secret of a cookie. It accepts only what sealCookie returns.
func openCookie(cookie secret.String) (Ref, []byte, error) {
	if len(cookie.Reveal()) != cookieEncoding.EncodedLen(cookieSize) {
		return Ref{}, nil, errors.New("the cookie has the wrong length")
	}
	value, err := cookieEncoding.DecodeString(cookie.Reveal())
	if err != nil || len(value) != cookieSize {
		return Ref{}, nil, errors.New("the cookie is not base64url")
	}
	ref := Ref{User: id.ID(value[:id.Size]), Session: id.ID(value[id.Size : 2*id.Size])}
	return ref, value[2*id.Size:], nil
}

// hasSecret reports, in constant time, whether key is the secret of the session's cookie. Only its hash is stored.
func (s Session) hasSecret(key []byte) bool {
	sum := sha256.Sum256(key)
	return s.Kind == KindCookie && subtle.ConstantTimeCompare(sum[:], s.SecretHash) == 1
}
