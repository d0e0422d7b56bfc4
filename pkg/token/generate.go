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

// GenerateKeySet makes a private JWK set: one key for each of algorithms (ES256, RS256, EdDSA), in that order, and one symmetric
// key to derive tokens with. The kid of a signing key is its thumbprint (RFC 7638), that of the symmetric one is random,
// since a hash of the key would be a check value for guesses at it. [ParseKeySet] takes the set with each of the
// algorithms.
//
// random must be a cryptographic source. RSA primes come from the runtime's own source in any case (crypto/rsa, Go 1.26).
func GenerateKeySet(random io.Reader, algorithms ...string) ([]byte, error) {
	var made []jwk
	for _, name := range algorithms {
		if !isSigning(name) {
			return nil, errors.New("making a key set: an algorithm is none of ES256, RS256, EdDSA")
		}
		key, err := generateKey(random, name)
		if err != nil {
			return nil, fmt.Errorf("making a key set: %w", err)
		}
		made = append(made, key)
	}
	key, err := generateKey(random, deriving)
	if err != nil {
		return nil, fmt.Errorf("making a key set: %w", err)
	}
	return json.Marshal(map[string][]jwk{"keys": append(made, key)})
}

// GenerateKey makes one private JWK: of a signing algorithm (ES256, RS256, EdDSA), or of HS256 to derive tokens with. Its kid and
// the demands on random are those of [GenerateKeySet].
func GenerateKey(random io.Reader, algorithm string) ([]byte, error) {
	if _, known := algorithms[algorithm]; !known {
		return nil, errors.New("making a key: its algorithm is none of ES256, RS256, EdDSA, HS256")
	}
	key, err := generateKey(random, algorithm)
	if err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
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
		return nil, fmt.Errorf("reading randomness: %w", err)
	}
	return data, nil
}

// generateEC takes one draw for the private scalar. It is out of range once in 2^32 (FIPS 186-5 A.2.2); that is an error and
// not a loop, which a broken source would never leave.
func generateEC(random io.Reader) (jwk, error) {
	d, err := randomBytes(random, 32)
	if err != nil {
		return jwk{}, err
	}
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), d)
	if err != nil {
		return jwk{}, errors.New("the random number is no private key: try again")
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

// generateRSA writes the CRT values too: a JWK that has one prime must have them all (RFC 7518 §6.3.2).
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
