package token

import (
	"errors"
	"fmt"
	"slices"

	"latchkey/pkg/id"
	"latchkey/pkg/outbox"
	"latchkey/pkg/secret"
)

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
