package token

import (
	"encoding/binary"
	"slices"

	"latchkey/pkg/guard"
	"latchkey/pkg/id"
	"latchkey/pkg/secret"
)

const purposeDevice purpose = "latchkey/device/v1"

// deviceSize is the body of a device cookie: user, epoch, device.
const deviceSize = 2*id.Size + 8

// SealDevice makes the device cookie of claims with the key that derives new tokens: the same claims give the same text.
func (s *KeySet) SealDevice(claims guard.DeviceClaims) secret.String {
	epoch := binary.BigEndian.AppendUint64(nil, claims.Epoch)
	return s.deriving[0].seal(purposeDevice, slices.Concat(claims.User[:], epoch, claims.Device[:]))
}

// OpenDevice reads a device cookie. Whatever [KeySet.SealDevice] did not make with a key of the set, in that very spelling, is
// [ErrInvalid].
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
