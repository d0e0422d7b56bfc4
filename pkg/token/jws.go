package token

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
)

// maxToken is the longest access token in bytes. Ours have 500 to 900; longer ones are refused unread.
const maxToken = 4096

// header is the whole JOSE header we write and read (RFC 7515 §4). Any other member is refused, not ignored: `jku`, `jwk`, `x5u`
// and `x5c` would have the token choose its own key, `crit` asks for what we do not do, and the rest is none of ours.
type header struct {
	Algorithm string `json:"alg"`
	KeyID     string `json:"kid"`
	Type      string `json:"typ,omitzero"`
}

// compact is a JWS in compact serialization (RFC 7515 §7.1), cut but not decoded.
type compact struct {
	header, payload, signature string

	signed string // header and payload with the dot between
}

func splitCompact(raw string) (compact, error) {
	if len(raw) > maxToken {
		return compact{}, refusal("longer than a token can be")
	}
	if strings.Count(raw, ".") != 2 {
		return compact{}, refusal("not three parts")
	}
	first, last := strings.IndexByte(raw, '.'), strings.LastIndexByte(raw, '.')
	return compact{header: raw[:first], payload: raw[first+1 : last], signature: raw[last+1:], signed: raw[:last]}, nil
}

// encodeHeader returns the first part of the tokens that a key signs.
func encodeHeader(algorithm, kid string) string {
	text, err := json.Marshal(header{Algorithm: algorithm, KeyID: kid, Type: "JWT"})
	if err != nil {
		return "" // an id that is no text has been refused before
	}
	return encode(text)
}

// keyFor returns the key that a token's header names. The id picks the key *and* the algorithm (RFC 8725 §3.1): a header that
// says another one is refused, so that nothing the sender writes chooses how the signature is checked. `typ` may be
// absent (RFC 7515 §4.1.9); what tells tokens apart is the claim `type`.
func (s *KeySet) keyFor(encoded string) (*signatureKey, error) {
	text, ok := decode(encoded)
	if !ok {
		return nil, refusal("the header is not canonical base64url")
	}
	var named header
	if json.Unmarshal(text, &named, json.RejectUnknownMembers(true)) != nil {
		return nil, refusal("the header is not ours")
	}
	key, known := s.verifying[named.KeyID]
	switch {
	case !known:
		return nil, unknownKey
	case named.Algorithm != key.algorithm:
		return nil, refusal("an algorithm that is not the key's")
	case named.Type != "" && named.Type != "JWT":
		return nil, refusal("the header's typ is not JWT")
	}
	return key, nil
}

// verify checks the signature of token.
func (k *signatureKey) verify(token compact) error {
	signature, ok := decode(token.signature)
	if !ok {
		return refusal("the signature is not canonical base64url")
	}
	if k.method.Verify(token.signed, signature, k.public) != nil {
		return refusal("the signature is wrong")
	}
	return nil
}

// sign returns payload as a JWS of k, which must have a private part.
func (k *signatureKey) sign(payload []byte) (string, error) {
	signed := k.header + "." + encode(payload)
	signature, err := k.method.Sign(signed, k.private)
	if err != nil {
		return "", fmt.Errorf("making the signature: %w", err)
	}
	return signed + "." + encode(signature), nil
}
