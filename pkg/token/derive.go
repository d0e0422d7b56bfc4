package token

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"io"
	"slices"

	"latchkey/pkg/secret"
)

// A derived token is a statement and its HMAC, and nothing of it is stored: whoever holds the key can make it again,
// bit for bit, and garbage is told from it without asking the store.
//
//	version  1 byte   derivedVersion
//	tag      4 bytes  which symmetric key: the head of the SHA-256 of its kid
//	body     fixed    what the purpose says
//	mac      32 bytes HMAC-SHA-256 under the key, over purpose | 0x00 | all of the above
//
// One key serves all purposes, kept apart by the label at the head of the MAC's input. The labels are constants without a
// zero byte, so no input of one purpose is an input of another, and HMAC being a pseudo-random function the MACs are as
// unrelated as those of two keys. Subkeys by HKDF would give the same and one more thing to keep; they would be the choice if
// a subkey ever left the process.
const (
	derivedVersion = 1
	tagSize        = 4
	prefixSize     = 1 + tagSize
)

// purpose is the label that a kind of derived token has to itself. A changed body needs a new label.
type purpose string

// derivingKey is one symmetric key of the set.
type derivingKey struct {
	id     string
	tag    [tagSize]byte
	secret []byte
}

func newDerivingKey(id string, material []byte) *derivingKey {
	sum := sha256.Sum256([]byte(id))
	return &derivingKey{id: id, tag: [tagSize]byte(sum[:tagSize]), secret: material}
}

// readDeriving reads a symmetric key (RFC 7518 §6.4) into the set.
func (r *setReader) readDeriving(key *jwk) {
	r.derives = true
	if key.KeyType != algorithms[deriving].keyType || key.Curve != "" {
		r.faults.add("kty and crv do not fit alg")
		return
	}
	material := r.faults.decode("k", key.K)
	if material == nil {
		return
	}
	if len(material) < minSecret {
		r.faults.add("k is shorter than 32 bytes")
	}
	same := func(other *derivingKey) bool { return bytes.Equal(other.secret, material) }
	if slices.ContainsFunc(r.set.deriving, same) {
		r.faults.add("k is that of an earlier key")
	}
	made := newDerivingKey(key.KeyID, material)
	if earlier, taken := r.set.byTag[made.tag]; taken && earlier.id != made.id {
		r.faults.add("kid has the same tag as that of an earlier oct key: choose another")
	}
	r.set.deriving = append(r.set.deriving, made)
	r.set.byTag[made.tag] = made
}

func (k *derivingKey) mac(label purpose, message []byte) []byte {
	hash := hmac.New(sha256.New, k.secret)
	_, _ = io.WriteString(hash, string(label)+"\x00")
	_, _ = hash.Write(message)
	return hash.Sum(nil)
}

// seal makes the derived token of body. It is deterministic: the same key, purpose and body give the same token.
func (k *derivingKey) seal(label purpose, body []byte) secret.String {
	message := slices.Concat([]byte{derivedVersion}, k.tag[:], body)
	return secret.New(encode(append(message, k.mac(label, message)...)))
}

// unseal returns the body, size bytes long, of a token that seal made under the same purpose and any key of the set.
// Everything else is a refusal.
func (s *KeySet) unseal(label purpose, raw string, size int) ([]byte, error) {
	signed := prefixSize + size
	if len(raw) != strictBase64.EncodedLen(signed+sha256.Size) {
		return nil, refusal("a derived token of the wrong length")
	}
	data, ok := decode(raw)
	if !ok {
		return nil, refusal("not canonical base64url")
	}
	if data[0] != derivedVersion {
		return nil, refusal("a derived token of an unknown version")
	}
	key, known := s.byTag[[tagSize]byte(data[1:prefixSize])]
	if !known {
		return nil, unknownKey
	}
	if !hmac.Equal(data[signed:], key.mac(label, data[:signed])) {
		return nil, refusal("a derived token with a wrong MAC")
	}
	return data[prefixSize:signed], nil
}
