package token

import (
	"crypto"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/golang-jwt/jwt/v5"
)

// jwk is one JSON Web Key (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2), private or public. Other members are ignored, as RFC 7517
// §4 requires.
type jwk struct {
	KeyType    string   `json:"kty"`
	Use        string   `json:"use,omitzero"`
	Operations []string `json:"key_ops,omitzero"`
	Algorithm  string   `json:"alg,omitzero"`
	KeyID      string   `json:"kid,omitzero"`

	Curve string `json:"crv,omitzero"`
	X     string `json:"x,omitzero"`
	Y     string `json:"y,omitzero"`

	N string `json:"n,omitzero"`
	E string `json:"e,omitzero"`

	D           string         `json:"d,omitzero"`
	P           string         `json:"p,omitzero"`
	Q           string         `json:"q,omitzero"`
	DP          string         `json:"dp,omitzero"`
	DQ          string         `json:"dq,omitzero"`
	QI          string         `json:"qi,omitzero"`
	OtherPrimes jsontext.Value `json:"oth,omitzero"`

	K string `json:"k,omitzero"`
}

// algorithm is the use of a key. Each has only one key type and curve, so `alg` determines how a key is read.
type algorithm struct {
	keyType, curve string

	// method signs and verifies. It is nil for the symmetric keys, which derive tokens and sign none, so that no JWT is
	// ever verified by HMAC.
	method jwt.SigningMethod

	// read returns the key material of a JWK and reports its faults. The signer is nil without a private part.
	read func(*jwk, *faults) (crypto.PublicKey, crypto.Signer)

	// generate returns the material of a new private JWK.
	generate func(random io.Reader) (jwk, error)
}

// deriving is the `alg` of the symmetric keys (RFC 7518 §3.2), the HMAC of derived tokens.
const deriving = "HS256"

var algorithms = map[string]algorithm{
	"ES256":  {keyType: "EC", curve: "P-256", method: jwt.SigningMethodES256, read: readEC, generate: generateEC},
	"RS256":  {keyType: "RSA", method: jwt.SigningMethodRS256, read: readRSA, generate: generateRSA},
	"EdDSA":  {keyType: "OKP", curve: "Ed25519", method: jwt.SigningMethodEdDSA, read: readOKP, generate: generateOKP},
	deriving: {keyType: "oct", generate: generateOct},
}

// isSigning reports whether access tokens can be signed with the algorithm of that name.
func isSigning(name string) bool { return algorithms[name].method != nil }

// public returns k without its private members, marked as a signature key (RFC 7517 §4.2).
func (k *jwk) public() jwk {
	return jwk{
		KeyType: k.KeyType, Use: "sig", Algorithm: k.Algorithm, KeyID: k.KeyID,
		Curve: k.Curve, X: k.X, Y: k.Y, N: k.N, E: k.E,
	}
}

// thumbprint returns the SHA-256 of the required members of the public key in lexical order (RFC 7638 §3, RFC 8037 §2). The
// values are base64url or names from the table above, so they need no escaping.
func (k *jwk) thumbprint() string {
	var canonical string
	switch k.KeyType {
	case "EC":
		canonical = fmt.Sprintf(`{"crv":"%s","kty":"EC","x":"%s","y":"%s"}`, k.Curve, k.X, k.Y)
	case "RSA":
		canonical = fmt.Sprintf(`{"e":"%s","kty":"RSA","n":"%s"}`, k.E, k.N)
	case "OKP":
		canonical = fmt.Sprintf(`{"crv":"%s","kty":"OKP","x":"%s"}`, k.Curve, k.X)
	}
	sum := sha256.Sum256([]byte(canonical))
	return encode(sum[:])
}

// forSignatures reports whether `use` and `key_ops` allow signatures (RFC 7517 §4.2 and §4.3). A key that is marked for
// encryption must not sign, even if the arithmetic would allow it.
func (k *jwk) forSignatures() bool {
	foreign := func(operation string) bool { return operation != "sign" && operation != "verify" }
	return (k.Use == "" || k.Use == "sig") && !slices.ContainsFunc(k.Operations, foreign)
}

// faults collects the faults of a key set, so that one start reports all of them. The texts contain positions and names of
// members and never values, because a key pasted into the wrong member must not reach a log.
type faults struct {
	place string // prefix for the key that is being read, for example "keys[0]: "
	found []error
}

func (f *faults) add(text string) { f.found = append(f.found, errors.New(f.place+text)) }

// jsonFault describes a decoding error by kind and position only, because the text of the decoder quotes the input.
func jsonFault(err error) string {
	if errors.Is(err, jsontext.ErrDuplicateName) {
		return "a member name occurs twice"
	}
	if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return fmt.Sprintf("not JSON (at byte %d)", syntax.ByteOffset)
	}
	if semantic, ok := errors.AsType[*json.SemanticError](err); ok {
		return fmt.Sprintf("a member has the wrong type (at byte %d)", semantic.ByteOffset)
	}
	return "not JSON"
}
