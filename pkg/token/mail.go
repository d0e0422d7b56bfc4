package token

import (
	"errors"
	"fmt"
	"slices"

	"latchkey/pkg/id"
	"latchkey/pkg/outbox"
	"latchkey/pkg/secret"
)

// Each purpose of a mail has a label of its own, so that a link for one opens nothing of another.
var mailPurposes = map[outbox.Purpose]purpose{
	outbox.Verification: "latchkey/verification/v1",
	outbox.Reset:        "latchkey/reset/v1",
}

// SealMail makes the token in the link of a mail: the same arguments give the same text, so that a mail that is sent again
// holds the same link. A kid that is not in the set ([ErrUnknownKey]), or a purpose without a link, is an error of ours.
func (s *KeySet) SealMail(kid string, kind outbox.Purpose, mail id.ID) (secret.String, error) {
	label, ok := mailPurposes[kind]
	if !ok {
		return secret.String{}, errors.New("sealing a mail's token: no such purpose")
	}
	at := slices.IndexFunc(s.deriving, func(key *derivingKey) bool { return key.id == kid })
	if at < 0 {
		return secret.String{}, fmt.Errorf("sealing a mail's token: %w", ErrUnknownKey)
	}
	return s.deriving[at].seal(label, mail[:]), nil
}

// OpenMail reads the token of a mail for that purpose. Whatever [KeySet.SealMail] did not make for it with a key of the set,
// in that very spelling, is [ErrInvalid].
func (s *KeySet) OpenMail(kind outbox.Purpose, raw string) (id.ID, error) {
	label, ok := mailPurposes[kind]
	if !ok {
		return id.ID{}, refusal("no such purpose")
	}
	body, err := s.unseal(label, raw, id.Size)
	if err != nil {
		return id.ID{}, err
	}
	return id.ID(body), nil
}
