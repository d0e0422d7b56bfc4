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
	"crypto"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/golang-jwt/jwt/v5"
)

// maxKeyID is the maximum length of a kid in bytes. A thumbprint has 43, and each token contains the kid.
const maxKeyID = 64

// KeySet is a checked key set. One key signs, all asymmetric keys verify, and the symmetric keys derive tokens. It never
// changes, so it may be shared. After a rotation, a new set is read.
type KeySet struct {
	signing   *signatureKey
	verifying map[string]*signatureKey // by kid

	deriving []*derivingKey // the first derives new tokens
	byTag    map[[tagSize]byte]*derivingKey

	published []byte // the public JWK set
}

// signatureKey is one asymmetric key with its only algorithm (RFC 8725 §3.1).
type signatureKey struct {
	algorithm string
	method    jwt.SigningMethod
	public    crypto.PublicKey
	private   crypto.Signer // nil for a key that only verifies
	header    string        // the first part of all tokens that it signs
}

// NamedKey is one private or public JWK (RFC 7517 §4), with a name for error texts.
type NamedKey struct {
	Name string
	JWK  []byte
}

// ParseKeySet reads a private JWK set (RFC 7517 §5). The rules for its keys are those of [ParseKeys].
func ParseKeySet(jwks []byte, algorithm string) (*KeySet, error) {
	var document struct {
		Keys []jsontext.Value `json:"keys"`
	}
	if err := json.Unmarshal(jwks, &document); err != nil {
		return nil, fmt.Errorf("reading the key set: %s", jsonFault(err))
	}
	keys := make([]NamedKey, len(document.Keys))
	for i, raw := range document.Keys {
		keys[i] = NamedKey{Name: fmt.Sprintf("keys[%d]", i), JWK: raw}
	}
	return ParseKeys(keys, algorithm)
}

// ParseKeys returns a key set of the given keys. The first key with the `alg` algorithm (ES256, RS256 or EdDSA) signs. All
// asymmetric keys verify, including those without a private part. The `oct` keys (`alg` HS256, at least 32 bytes) derive
// tokens, and the first of them derives new ones.
//
// Each key must have its own `kid` and an `alg` that matches it. The error joins all faults of the set. It contains the names
// of keys and none of their values. A set with a fault is never returned, because a weak or broken key must not be silently
// left out.
func ParseKeys(keys []NamedKey, algorithm string) (*KeySet, error) {
	reader := setReader{
		algorithm: algorithm,
		ids:       make(map[string]bool),
		set:       &KeySet{verifying: make(map[string]*signatureKey), byTag: make(map[[tagSize]byte]*derivingKey)},
	}
	for _, key := range keys {
		reader.faults.place = key.Name + ": "
		reader.read(key.JWK)
	}
	reader.finish()
	if len(reader.faults.found) > 0 {
		return nil, fmt.Errorf("reading the key set: %w", errors.Join(reader.faults.found...))
	}
	return reader.set, nil
}

// DerivingKey returns the kid of the key that derives new tokens. Callers store it to derive the same token again.
func (s *KeySet) DerivingKey() string { return s.deriving[0].id }

// PublicJWKS returns the public JWK set (RFC 7517 §5) with all verifying keys in the order of the private set. The bytes are
// the same at each call. Symmetric keys are left out.
func (s *KeySet) PublicJWKS() []byte { return slices.Clone(s.published) }

// Format implements [fmt.Formatter], so that no verb prints a key.
func (s *KeySet) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[key set]") }

// setReader builds a KeySet key by key.
type setReader struct {
	faults    faults
	algorithm string // of the signing key
	set       *KeySet
	ids       map[string]bool
	public    []jwk

	// signs and derives record that a key has that role, even if it is broken, so that a broken key is reported only once.
	signs, derives bool
}

func (r *setReader) read(raw []byte) {
	var key jwk
	if err := json.Unmarshal(raw, &key); err != nil {
		r.faults.add(jsonFault(err))
		return
	}
	r.checkID(key.KeyID)
	if !key.forSignatures() {
		r.faults.add("use or key_ops does not allow signatures")
	}
	kind, ok := algorithms[key.Algorithm]
	switch {
	case key.Algorithm == "":
		r.faults.add("alg is missing")
	case !ok:
		r.faults.add("alg is none of " + strings.Join(slices.Sorted(maps.Keys(algorithms)), ", "))
	case key.Algorithm == deriving:
		r.readDeriving(&key)
	default:
		r.readSigning(&key, kind)
	}
}

// checkID requires a short kid of visible ASCII, because kids occur in headers and logs.
func (r *setReader) checkID(kid string) {
	visible := func(c rune) bool { return c > ' ' && c <= '~' }
	switch {
	case kid == "":
		r.faults.add("kid is missing")
	case len(kid) > maxKeyID:
		r.faults.add(fmt.Sprintf("kid is longer than %d bytes", maxKeyID))
	case strings.ContainsFunc(kid, func(c rune) bool { return !visible(c) }):
		r.faults.add("kid is not visible ASCII")
	case r.ids[kid]:
		r.faults.add("kid equals the kid of an earlier key")
	}
	r.ids[kid] = true
}

func (r *setReader) readSigning(key *jwk, kind algorithm) {
	signs := key.Algorithm == r.algorithm && !r.signs
	r.signs = r.signs || signs
	if key.KeyType != kind.keyType || key.Curve != kind.curve {
		r.faults.add("kty and crv do not match alg")
		return
	}
	public, private := kind.read(key, &r.faults)
	if signs && key.D == "" {
		r.faults.add("the signing key has no private part")
	}
	added := &signatureKey{algorithm: key.Algorithm, method: kind.method, public: public, private: private}
	added.header = encodeHeader(key.Algorithm, key.KeyID)
	r.set.verifying[key.KeyID] = added
	if signs {
		r.set.signing = added
	}
	r.public = append(r.public, key.public())
}

func (r *setReader) finish() {
	r.faults.place = ""
	switch {
	case !isSigning(r.algorithm):
		r.faults.add("the signing algorithm is none of ES256, RS256, EdDSA")
	case !r.signs:
		r.faults.add("no key can sign: none has the alg " + r.algorithm)
	}
	if !r.derives {
		r.faults.add("no key can derive tokens: none has the alg " + deriving)
	}
	published, err := json.Marshal(map[string][]jwk{"keys": r.public})
	if err != nil {
		r.faults.add("the public keys cannot be encoded as JSON")
	}
	r.set.published = published
}

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
