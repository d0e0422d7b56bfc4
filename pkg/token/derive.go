package token

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"latchkey/pkg/guard"
	"latchkey/pkg/id"
	"latchkey/pkg/outbox"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
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

const purposeRefresh purpose = "latchkey/refresh/v1"

// refreshSize is the size of the body of a refresh token: user, session, generation.
const refreshSize = 2*id.Size + 4

// SealRefresh returns the refresh token of claims r, derived with the key kid. For a new token, kid is [KeySet.DerivingKey].
// With the kid stored in the session, a retry gets the same token again, byte for byte. The error is [ErrUnknownKey] if the
// set has no such key, which is not the fault of the client.
func (s *KeySet) SealRefresh(kid string, r session.RefreshClaims) (secret.String, error) {
	at := slices.IndexFunc(s.deriving, func(key *derivingKey) bool { return key.id == kid })
	if at < 0 {
		return secret.String{}, fmt.Errorf("sealing a refresh token: %w", ErrUnknownKey)
	}
	body := slices.Concat(r.User[:], r.Session[:], binary.BigEndian.AppendUint32(nil, r.Generation))
	return s.deriving[at].seal(purposeRefresh, body), nil
}

// OpenRefresh returns the claims of a refresh token. The error is [ErrInvalid] unless [KeySet.SealRefresh] returned exactly
// this text with a key of the set.
func (s *KeySet) OpenRefresh(raw string) (session.RefreshClaims, error) {
	body, err := s.unseal(purposeRefresh, raw, refreshSize)
	if err != nil {
		return session.RefreshClaims{}, err
	}
	return session.RefreshClaims{
		User:       id.ID(body[:id.Size]),
		Session:    id.ID(body[id.Size : 2*id.Size]),
		Generation: binary.BigEndian.Uint32(body[2*id.Size:]),
	}, nil
}

const (
	purposeDevice purpose = "latchkey/device/v2"

	// formerDevice is the label of devices without a number of attempts forgiven. Their cookies are valid for a year.
	formerDevice purpose = "latchkey/device/v1"
)

// The sizes of the bodies of devices: user, epoch, device, and since version 2 attempts forgiven.
const (
	formerDeviceSize = 2*id.Size + 8
	deviceSize       = formerDeviceSize + 8
)

// SealDevice returns the part of a device cookie for a device. The same device always gives the same text while the deriving key is
// the same.
func (s *KeySet) SealDevice(device guard.Familiar) secret.String {
	epoch := binary.BigEndian.AppendUint64(nil, device.Epoch)
	forgiven := binary.BigEndian.AppendUint64(nil, uint64(device.Forgiven)) //nolint:gosec // a count is never negative
	return s.deriving[0].seal(purposeDevice, slices.Concat(device.User[:], epoch, device.Device[:], forgiven))
}

// OpenDevice returns the device in a part of a device cookie. The error is [ErrInvalid] unless [KeySet.SealDevice] returned exactly
// this text, now or in the former version, with a key of the set.
func (s *KeySet) OpenDevice(raw string) (guard.Familiar, error) {
	body, err := s.unseal(purposeDevice, raw, deviceSize)
	if err != nil {
		if body, err = s.unseal(formerDevice, raw, formerDeviceSize); err == nil {
			body = append(slices.Clip(body), make([]byte, deviceSize-formerDeviceSize)...)
		}
	}
	if err != nil {
		return guard.Familiar{}, err
	}
	return guard.Familiar{
		User:     id.ID(body[:id.Size]),
		Epoch:    binary.BigEndian.Uint64(body[id.Size:]),
		Device:   id.ID(body[id.Size+8:]),
		Forgiven: int(binary.BigEndian.Uint64(body[2*id.Size+8:])), //nolint:gosec // sealed from an int
	}, nil
}

// mailLabel returns the label of the tokens for a purpose, and false for a purpose without a link. Package outbox assigns the
// labels.
func mailLabel(kind outbox.Purpose) (purpose, bool) {
	definition, _ := kind.Definition()
	return purpose(definition.TokenLabel), definition.HasLink()
}

// SealMail returns the token for the link of a mail. The same arguments give the same text, so a mail that is sent again
// contains the same link. It returns [ErrUnknownKey] for a kid that is not in the set, and an error for a purpose without a
// link.
func (s *KeySet) SealMail(kid string, kind outbox.Purpose, mail id.ID) (secret.String, error) {
	label, ok := mailLabel(kind)
	if !ok {
		return secret.String{}, errors.New("sealing the token of a mail: the purpose has no link")
	}
	at := slices.IndexFunc(s.deriving, func(key *derivingKey) bool { return key.id == kid })
	if at < 0 {
		return secret.String{}, fmt.Errorf("sealing the token of a mail: %w", ErrUnknownKey)
	}
	return s.deriving[at].seal(label, mail[:]), nil
}

// OpenMail returns the id of the mail that a token belongs to. The error is [ErrInvalid] unless [KeySet.SealMail] returned
// exactly this text for the same purpose with a key of the set.
func (s *KeySet) OpenMail(kind outbox.Purpose, raw string) (id.ID, error) {
	label, ok := mailLabel(kind)
	if !ok {
		return id.ID{}, refusal("the purpose has no link")
	}
	body, err := s.unseal(label, raw, id.Size)
	if err != nil {
		return id.ID{}, err
	}
	return id.ID(body), nil
}
