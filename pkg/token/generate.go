package token

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"math/big"

	"github.com/go-json-experiment/json"
)

// GenerateKeySet returns a new private JWK set: one key for each of algorithms (ES256, RS256, EdDSA), in that order, and one
// symmetric key that derives tokens. The kid of a signing key is its thumbprint (RFC 7638). The kid of the symmetric key is
// random, because a hash of the key would let an attacker verify guesses. [ParseKeySet] accepts the set for each of the
// algorithms.
//
// random must be a cryptographic source. RSA primes always come from the source of the runtime (crypto/rsa, Go 1.26).
func GenerateKeySet(random io.Reader, algorithms ...string) ([]byte, error) {
	var keys []jwk
	for _, name := range algorithms {
		if !isSigning(name) {
			return nil, errors.New("generating a key set: an algorithm is none of ES256, RS256, EdDSA")
		}
		key, err := generateKey(random, name)
		if err != nil {
			return nil, fmt.Errorf("generating a key set: %w", err)
		}
		keys = append(keys, key)
	}
	key, err := generateKey(random, deriving)
	if err != nil {
		return nil, fmt.Errorf("generating a key set: %w", err)
	}
	return json.Marshal(map[string][]jwk{"keys": append(keys, key)})
}

// GenerateKey returns a new private JWK, either for a signing algorithm (ES256, RS256, EdDSA) or for HS256, which derives
// tokens. Its kid and the demands on random are those of [GenerateKeySet].
func GenerateKey(random io.Reader, algorithm string) ([]byte, error) {
	if _, found := algorithms[algorithm]; !found {
		return nil, errors.New("generating a key: the algorithm is none of ES256, RS256, EdDSA, HS256")
	}
	key, err := generateKey(random, algorithm)
	if err != nil {
		return nil, fmt.Errorf("generating a key: %w", err)
	}
	return json.Marshal(key)
}

func generateKey(random io.Reader, name string) (jwk, error) {
	key, err := algorithms[name].generate(random)
	if err != nil {
		return jwk{}, fmt.Errorf("%s: %w", name, err)
	}
	key.KeyType, key.Curve = algorithms[name].keyType, algorithms[name].curve
	key.Use, key.Algorithm = "sig", name
	if key.KeyID == "" {
		key.KeyID = key.thumbprint()
	}
	return key, nil
}

func randomBytes(random io.Reader, size int) ([]byte, error) {
	data := make([]byte, size)
	if _, err := io.ReadFull(random, data); err != nil {
		return nil, fmt.Errorf("reading the random source: %w", err)
	}
	return data, nil
}

// generateEC draws the private scalar once. It is out of range once in 2^32 draws (FIPS 186-5 A.2.2). That is an error and not
// a loop, because a broken source would never let the loop end.
func generateEC(random io.Reader) (jwk, error) {
	d, err := randomBytes(random, 32)
	if err != nil {
		return jwk{}, err
	}
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), d)
	if err != nil {
		return jwk{}, errors.New("the random number is not a private key: try again")
	}
	point, err := private.PublicKey.Bytes()
	if err != nil {
		return jwk{}, err
	}
	return jwk{X: encode(point[1:33]), Y: encode(point[33:]), D: encode(d)}, nil
}

func generateOKP(random io.Reader) (jwk, error) {
	seed, err := randomBytes(random, ed25519.SeedSize)
	if err != nil {
		return jwk{}, err
	}
	private := ed25519.NewKeyFromSeed(seed)
	return jwk{X: encode(private[ed25519.SeedSize:]), D: encode(seed)}, nil
}

// generateRSA includes the CRT values, because a JWK with one prime must have them all (RFC 7518 §6.3.2).
func generateRSA(random io.Reader) (jwk, error) {
	private, err := rsa.GenerateKey(random, minRSABits)
	if err != nil {
		return jwk{}, err
	}
	return jwk{
		N: encode(private.N.Bytes()), E: encode(big.NewInt(int64(private.E)).Bytes()),
		D: encode(private.D.Bytes()), P: encode(private.Primes[0].Bytes()), Q: encode(private.Primes[1].Bytes()),
		DP: encode(private.Precomputed.Dp.Bytes()), DQ: encode(private.Precomputed.Dq.Bytes()),
		QI: encode(private.Precomputed.Qinv.Bytes()),
	}, nil
}

func generateOct(random io.Reader) (jwk, error) {
	material, err := randomBytes(random, minSecret)
	if err != nil {
		return jwk{}, err
	}
	name, err := randomBytes(random, 16)
	if err != nil {
		return jwk{}, err
	}
	return jwk{KeyID: encode(name), K: encode(material)}, nil
}
