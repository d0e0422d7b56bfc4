package token

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
)

// maxToken is the maximum length of an access token in bytes. Tokens of this service have 500 to 900. Longer ones are refused
// without further checks.
const maxToken = 4096

// header is the complete JOSE header of an access token (RFC 7515 §4). Any other member is refused and not ignored: `jku`,
// `jwk`, `x5u` and `x5c` would let the token choose its own key, `crit` demands extensions that do not exist here, and no
// token of this service has any other.
type header struct {
	Algorithm string `json:"alg"`
	KeyID     string `json:"kid"`
	Type      string `json:"typ,omitzero"`
}

// compact is a JWS in compact serialization (RFC 7515 §7.1), split but not decoded.
type compact struct {
	header, payload, signature string

	signed string // header and payload, joined by a dot
}

func splitCompact(raw string) (compact, error) {
	if len(raw) > maxToken {
		return compact{}, refusal("the token is too long")
	}
	if strings.Count(raw, ".") != 2 {
		return compact{}, refusal("the token does not have three parts")
	}
	first, last := strings.IndexByte(raw, '.'), strings.LastIndexByte(raw, '.')
	return compact{header: raw[:first], payload: raw[first+1 : last], signature: raw[last+1:], signed: raw[:last]}, nil
}

// encodeHeader returns the first part of the tokens that a key signs.
func encodeHeader(algorithm, kid string) string {
	text, err := json.Marshal(header{Algorithm: algorithm, KeyID: kid, Type: "JWT"})
	if err != nil {
		return "" // only for a kid that is not valid text, which was refused before
	}
	return encode(text)
}

// keyFor returns the key named by the header of a token. The kid determines the key *and* the algorithm (RFC 8725 §3.1). A
// header with another algorithm is refused, so the sender cannot choose how the signature is checked. `typ` may be absent
// (RFC 7515 §4.1.9), because the claim `type` distinguishes tokens.
func (s *KeySet) keyFor(encoded string) (*signatureKey, error) {
	text, ok := decode(encoded)
	if !ok {
		return nil, refusal("the header is not canonical base64url")
	}
	var jose header
	if json.Unmarshal(text, &jose, json.RejectUnknownMembers(true)) != nil {
		return nil, refusal("the header has another form")
	}
	key, found := s.verifying[jose.KeyID]
	switch {
	case !found:
		return nil, unknownKey
	case jose.Algorithm != key.algorithm:
		return nil, refusal("the header has another algorithm than the key")
	case jose.Type != "" && jose.Type != "JWT":
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

// sign returns payload as a JWS signed with k, which must have a private part.
func (k *signatureKey) sign(payload []byte) (string, error) {
	signed := k.header + "." + encode(payload)
	signature, err := k.method.Sign(signed, k.private)
	if err != nil {
		return "", fmt.Errorf("computing the signature: %w", err)
	}
	return signed + "." + encode(signature), nil
}
