package token

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
)

// Summary is what a key is, as far as its plain members say. Whether its material fits is for [ParseKeys] to find.
type Summary struct {
	Algorithm string
	Symmetric bool // it derives tokens; else it signs, or only verifies
	Private   bool // it has a secret part
}

// Summarize reads a JWK's plain members. Its error holds no value of the key.
func Summarize(raw []byte) (Summary, error) {
	var key jwk
	if err := json.Unmarshal(raw, &key); err != nil {
		return Summary{}, fmt.Errorf("reading a key: %s", jsonFault(err))
	}
	known, ok := algorithms[key.Algorithm]
	if !ok {
		return Summary{}, errors.New("reading a key: alg is none of ES256, RS256, EdDSA, HS256")
	}
	return Summary{
		Algorithm: key.Algorithm, Symmetric: known.method == nil, Private: key.D != "" || key.K != "",
	}, nil
}

// PublicPart returns an asymmetric JWK without its private members (RFC 7517 §4). A symmetric key has no public part, which is
// an error.
func PublicPart(raw []byte) ([]byte, error) {
	var key jwk
	if err := json.Unmarshal(raw, &key); err != nil {
		return nil, fmt.Errorf("taking a key's public part: %s", jsonFault(err))
	}
	if !isSigning(key.Algorithm) {
		return nil, errors.New("taking a key's public part: it is no asymmetric key")
	}
	return json.Marshal(key.public())
}
