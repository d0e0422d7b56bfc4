package token

import (
	"encoding/binary"
	"slices"

	"latchkey/pkg/guard"
	"latchkey/pkg/id"
	"latchkey/pkg/secret"
)

const purposeDevice purpose = "latchkey/device/v1"

// deviceSize is the size of the body of a device cookie: user, epoch, device.
const deviceSize = 2*id.Size + 8

// SealDevice returns the device cookie of claims. The same claims always give the same text while the deriving key is the same.
func (s *KeySet) SealDevice(claims guard.DeviceClaims) secret.String {
	epoch := binary.BigEndian.AppendUint64(nil, claims.Epoch)
	return s.deriving[0].seal(purposeDevice, slices.Concat(claims.User[:], epoch, claims.Device[:]))
}

// OpenDevice returns the claims of a device cookie. The error is [ErrInvalid] unless [KeySet.SealDevice] returned exactly this
// text with a key of the set.
func (s *KeySet) OpenDevice(raw string) (guard.DeviceClaims, error) {
	body, err := s.unseal(purposeDevice, raw, deviceSize)
	if err != nil {
		return guard.DeviceClaims{}, err
	}
	return guard.DeviceClaims{
		User:   id.ID(body[:id.Size]),
		Epoch:  binary.BigEndian.Uint64(body[id.Size:]),
		Device: id.ID(body[id.Size+8:]),
	}, nil
}
