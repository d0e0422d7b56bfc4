package token

import (
	"crypto"
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

// maxKeyID is the longest key id in bytes: a thumbprint has 43, and the id stands in every token.
const maxKeyID = 64

// KeySet is a read and checked key set: one key signs, all asymmetric keys verify, the symmetric keys derive tokens.
// It never changes, so it may be shared; a rotated set is read anew.
type KeySet struct {
	signing   *signatureKey
	verifying map[string]*signatureKey // by kid

	deriving []*derivingKey // the first derives new tokens
	byTag    map[[tagSize]byte]*derivingKey

	published []byte // the public JWK set
}

// signatureKey is one asymmetric key, bound to the one algorithm it may be used with (RFC 8725 §3.1).
type signatureKey struct {
	algorithm string
	method    jwt.SigningMethod
	public    crypto.PublicKey
	private   crypto.Signer // nil: the key only verifies
	header    string        // the first part of every token it signs
}

// NamedKey is one private or public JWK (RFC 7517 §4) and where it comes from, for errors.
type NamedKey struct {
	Name string
	JWK  []byte
}

// ParseKeySet reads a private JWK set (RFC 7517 §5), as [ParseKeys] reads its keys.
func ParseKeySet(jwks []byte, algorithm string) (*KeySet, error) {
	var listed struct {
		Keys []jsontext.Value `json:"keys"`
	}
	if err := json.Unmarshal(jwks, &listed); err != nil {
		return nil, fmt.Errorf("reading the key set: %s", jsonFault(err))
	}
	keys := make([]NamedKey, len(listed.Keys))
	for i, raw := range listed.Keys {
		keys[i] = NamedKey{Name: fmt.Sprintf("keys[%d]", i), JWK: raw}
	}
	return ParseKeys(keys, algorithm)
}

// ParseKeys makes a key set. The first key whose `alg` is algorithm (ES256, RS256 or EdDSA) signs; all asymmetric keys verify,
// those without a private part too; the `oct` keys (`alg` HS256, at least 32 bytes) derive tokens, the first of them the new
// ones.
//
// Every key must have a `kid` of its own and an `alg` that fits it. The error joins all faults of the set, by the keys' names and
// without any value of them, and no set is returned then: a weak or broken key is never just left out.
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

// DerivingKey returns the kid of the key that derives new tokens, to be stored beside what it derives.
func (s *KeySet) DerivingKey() string { return s.deriving[0].id }

// PublicJWKS returns the public JWK set (RFC 7517 §5) with every verifying key in the order of the private one, as the
// same bytes every time. Symmetric keys are not in it.
func (s *KeySet) PublicJWKS() []byte { return slices.Clone(s.published) }

// Format implements [fmt.Formatter], so that no verb prints a key.
func (s *KeySet) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[key set]") }

// setReader builds a KeySet key by key.
type setReader struct {
	faults    faults
	algorithm string // that must sign
	set       *KeySet
	ids       map[string]bool
	public    []jwk

	// signs and derives note that a key was meant to, sound or not, so that one broken key is reported once.
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
		r.faults.add("use or key_ops is for something else than signatures")
	}
	known, ok := algorithms[key.Algorithm]
	switch {
	case key.Algorithm == "":
		r.faults.add("alg is missing")
	case !ok:
		r.faults.add("alg is none of " + strings.Join(slices.Sorted(maps.Keys(algorithms)), ", "))
	case key.Algorithm == deriving:
		r.readDeriving(&key)
	default:
		r.readSigning(&key, known)
	}
}

// checkID holds kids to short visible ASCII: a kid is a name in headers and logs, and it is looked up, never opened.
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
		r.faults.add("kid is that of an earlier key")
	}
	r.ids[kid] = true
}

func (r *setReader) readSigning(key *jwk, known algorithm) {
	signs := key.Algorithm == r.algorithm && !r.signs
	r.signs = r.signs || signs
	if key.KeyType != known.keyType || key.Curve != known.curve {
		r.faults.add("kty and crv do not fit alg")
		return
	}
	public, private := known.read(key, &r.faults)
	if signs && key.D == "" {
		r.faults.add("the signing key has no private part")
	}
	made := &signatureKey{algorithm: key.Algorithm, method: known.method, public: public, private: private}
	made.header = encodeHeader(key.Algorithm, key.KeyID)
	r.set.verifying[key.KeyID] = made
	if signs {
		r.set.signing = made
	}
	r.public = append(r.public, key.public())
}

func (r *setReader) finish() {
	r.faults.place = ""
	switch {
	case !isSigning(r.algorithm):
		r.faults.add("the signing algorithm is none of ES256, RS256, EdDSA")
	case !r.signs:
		r.faults.add("there is no key to sign with: none has the alg " + r.algorithm)
	}
	if !r.derives {
		r.faults.add("there is no key to derive tokens with: none has the alg " + deriving)
	}
	published, err := json.Marshal(map[string][]jwk{"keys": r.public})
	if err != nil {
		r.faults.add("the public keys cannot be written as JSON")
	}
	r.set.published = published
}
