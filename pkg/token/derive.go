package token

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"io"
	"slices"

	"latchkey/pkg/secret"
)

// A derived token consists of a statement and its HMAC. No part of it is stored. With the key, the service can derive the same
// token again, byte for byte, and can refuse garbage without a call to the store.
//
//	version  1 byte   derivedVersion
//	tag      4 bytes  identifies the symmetric key: the first bytes of the SHA-256 of its kid
//	body     fixed    the statement, in a layout that depends on the purpose
//	mac      32 bytes HMAC-SHA-256 with the key, over purpose | 0x00 | all of the above
//
// One key serves all purposes. The label at the start of the MAC's input separates them: labels are constants without a zero
// byte, so an input for one purpose is never an input for another. HMAC is a pseudorandom function, so the MACs are as
// independent as those of two keys. HKDF subkeys would give the same separation and add keys to manage. They would be the
// better choice if a subkey ever left the process.
const (
	derivedVersion = 1
	tagSize        = 4
	prefixSize     = 1 + tagSize
)

// purpose is the label of one kind of derived token. A changed layout of the body needs a new label.
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

// readDeriving adds a symmetric key (RFC 7518 §6.4) to the set.
func (r *setReader) readDeriving(key *jwk) {
	r.derives = true
	if key.KeyType != algorithms[deriving].keyType || key.Curve != "" {
		r.faults.add("kty and crv do not match alg")
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
		r.faults.add("k equals the k of an earlier key")
	}
	added := newDerivingKey(key.KeyID, material)
	if earlier, found := r.set.byTag[added.tag]; found && earlier.id != added.id {
		r.faults.add("kid has the same tag as the kid of an earlier oct key: choose another")
	}
	r.set.deriving = append(r.set.deriving, added)
	r.set.byTag[added.tag] = added
}

func (k *derivingKey) mac(label purpose, message []byte) []byte {
	hash := hmac.New(sha256.New, k.secret)
	_, _ = io.WriteString(hash, string(label)+"\x00")
	_, _ = hash.Write(message)
	return hash.Sum(nil)
}

// seal returns the derived token of body. The same key, purpose and body always give the same token.
func (k *derivingKey) seal(label purpose, body []byte) secret.String {
	message := slices.Concat([]byte{derivedVersion}, k.tag[:], body)
	return secret.New(encode(append(message, k.mac(label, message)...)))
}

// unseal returns the body of a token, which has the given size in bytes. The token must be the result of seal for the same
// purpose and any key of the set. Otherwise the error is a refusal.
func (s *KeySet) unseal(label purpose, raw string, size int) ([]byte, error) {
	signed := prefixSize + size
	if len(raw) != strictBase64.EncodedLen(signed+sha256.Size) {
		return nil, refusal("the derived token has the wrong length")
	}
	data, ok := decode(raw)
	if !ok {
		return nil, refusal("the derived token is not canonical base64url")
	}
	if data[0] != derivedVersion {
		return nil, refusal("the derived token has an unknown version")
	}
	key, found := s.byTag[[tagSize]byte(data[1:prefixSize])]
	if !found {
		return nil, unknownKey
	}
	if !hmac.Equal(data[signed:], key.mac(label, data[:signed])) {
		return nil, refusal("the derived token has a wrong MAC")
	}
	return data[prefixSize:signed], nil
}
