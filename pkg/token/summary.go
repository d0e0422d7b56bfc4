package token

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
)

// Summary describes a key by its plain members. Only [ParseKeys] checks the key material.
type Summary struct {
	Algorithm string
	Symmetric bool // derives tokens; otherwise the key signs, or only verifies
	Private   bool // has a secret part
}

// Summarize reads the plain members of a JWK. Its error contains no value of the key.
func Summarize(raw []byte) (Summary, error) {
	var key jwk
	if err := json.Unmarshal(raw, &key); err != nil {
		return Summary{}, fmt.Errorf("reading a key: %s", jsonFault(err))
	}
	kind, ok := algorithms[key.Algorithm]
	if !ok {
		return Summary{}, errors.New("reading a key: alg is none of ES256, RS256, EdDSA, HS256")
	}
	return Summary{
		Algorithm: key.Algorithm, Symmetric: kind.method == nil, Private: key.D != "" || key.K != "",
	}, nil
}

// PublicPart returns an asymmetric JWK without its private members (RFC 7517 §4). It returns an error for a symmetric key,
// which has no public part.
func PublicPart(raw []byte) ([]byte, error) {
	var key jwk
	if err := json.Unmarshal(raw, &key); err != nil {
		return nil, fmt.Errorf("removing the private part of a key: %s", jsonFault(err))
	}
	if !isSigning(key.Algorithm) {
		return nil, errors.New("removing the private part of a key: the key is not asymmetric")
	}
	return json.Marshal(key.public())
}
