package token

import (
	"encoding/binary"
	"fmt"
	"slices"

	"latchkey/pkg/id"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
)

const purposeRefresh purpose = "latchkey/refresh/v1"

// refreshSize is the body of a refresh token: user, session, generation.
const refreshSize = 2*id.Size + 4

// SealRefresh makes the refresh token of r with the key kid: [KeySet.DerivingKey] for a new one, the session's stored one to give
// a retry the very token it lost, byte for byte. A kid that is not in the set is [ErrUnknownKey], and none of the client's making.
func (s *KeySet) SealRefresh(kid string, r session.RefreshClaims) (secret.String, error) {
	at := slices.IndexFunc(s.deriving, func(key *derivingKey) bool { return key.id == kid })
	if at < 0 {
		return secret.String{}, fmt.Errorf("sealing a refresh token: %w", ErrUnknownKey)
	}
	body := slices.Concat(r.User[:], r.Session[:], binary.BigEndian.AppendUint32(nil, r.Generation))
	return s.deriving[at].seal(purposeRefresh, body), nil
}

// OpenRefresh reads a refresh token. Whatever [KeySet.SealRefresh] did not make with a key of
// the set, in that very spelling, is [ErrInvalid].
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
