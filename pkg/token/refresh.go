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
