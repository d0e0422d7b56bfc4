package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"fmt"
	"math"
	"math/big"
	"slices"
)

// Limits of an RSA modulus in bits. RFC 7518 §3.3 forbids less. With more, a signature would come close to the maximum length
// of a token and take milliseconds to compute.
const (
	minRSABits = 2048
	maxRSABits = 8192
)

// minSecret is the minimum length of a symmetric key in bytes, the size of the hash (RFC 7518 §3.2).
const minSecret = 32

// octets decodes a required member of exactly size bytes. It returns nil after recording a fault.
func (f *faults) octets(name, text string, size int) []byte {
	data := f.decode(name, text)
	if data != nil && len(data) != size {
		f.add(fmt.Sprintf("%s is not %d bytes long", name, size))
		return nil
	}
	return data
}

// number decodes a required Base64urlUInt, which is big-endian and has no leading zero bytes (RFC 7518 §2). It returns nil
// after recording a fault.
func (f *faults) number(name, text string) *big.Int {
	data := f.decode(name, text)
	if data == nil {
		return nil
	}
	if data[0] == 0 {
		f.add(name + " has a leading zero byte")
		return nil
	}
	return new(big.Int).SetBytes(data)
}

func (f *faults) decode(name, text string) []byte {
	if text == "" {
		f.add(name + " is missing")
		return nil
	}
	data, ok := decode(text)
	if !ok {
		f.add(name + " is not canonical base64url")
		return nil
	}
	return data
}

// readEC reads a P-256 key (RFC 7518 §6.2). Every member has a fixed length, including leading zeros.
func readEC(k *jwk, f *faults) (crypto.PublicKey, crypto.Signer) {
	x, y := f.octets("x", k.X, 32), f.octets("y", k.Y, 32)
	if x == nil || y == nil {
		return nil, nil
	}
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, x, y))
	if err != nil {
		f.add("x and y are not a point of P-256")
		return nil, nil
	}
	if k.D == "" {
		return public, nil
	}
	d := f.octets("d", k.D, 32)
	if d == nil {
		return public, nil
	}
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), d)
	if err != nil || !private.PublicKey.Equal(public) {
		f.add("d does not match x and y")
		return public, nil
	}
	return public, private
}

// readOKP reads an Ed25519 key (RFC 8037 §2). Only d proves that x is a point, because the standard library has no check for
// that. An invalid x in a key that only verifies does no harm, because no signature verifies with it.
func readOKP(k *jwk, f *faults) (crypto.PublicKey, crypto.Signer) {
	x := f.octets("x", k.X, ed25519.PublicKeySize)
	if x == nil {
		return nil, nil
	}
	public := ed25519.PublicKey(x)
	if k.D == "" {
		return public, nil
	}
	d := f.octets("d", k.D, ed25519.SeedSize)
	if d == nil {
		return public, nil
	}
	private := ed25519.NewKeyFromSeed(d)
	if !public.Equal(private.Public()) {
		f.add("d does not match x")
		return public, nil
	}
	return public, private
}

// readRSA reads an RSA key with two primes (RFC 7518 §6.3).
func readRSA(k *jwk, f *faults) (crypto.PublicKey, crypto.Signer) {
	n, e := f.number("n", k.N), f.number("e", k.E)
	if n == nil || e == nil {
		return nil, nil
	}
	if n.BitLen() < minRSABits || n.BitLen() > maxRSABits {
		f.add(fmt.Sprintf("n has fewer than %d or more than %d bits", minRSABits, maxRSABits))
		return nil, nil
	}
	if e.Bit(0) == 0 || e.Cmp(big.NewInt(3)) < 0 || e.Cmp(big.NewInt(math.MaxInt32)) > 0 {
		f.add("e is not an odd number of 3 to 2^31-1")
		return nil, nil
	}
	public := rsa.PublicKey{N: n, E: int(e.Int64())}
	if k.D == "" && k.P == "" && k.Q == "" {
		return &public, nil
	}
	if private := readRSAPrivate(k, f, public); private != nil {
		return &public, private
	}
	return &public, nil
}

// readRSAPrivate requires both primes beside d, although RFC 7518 §6.3.2 makes them optional. Without them, signing is many
// times slower and the key cannot be validated. The CRT values dp, dq and qi are computed and not read.
func readRSAPrivate(k *jwk, f *faults, public rsa.PublicKey) *rsa.PrivateKey {
	d, p, q := f.number("d", k.D), f.number("p", k.P), f.number("q", k.Q)
	if k.OtherPrimes != nil {
		f.add("oth: keys with more than two primes are not supported")
		return nil
	}
	if d == nil || p == nil || q == nil {
		return nil
	}
	private := &rsa.PrivateKey{PublicKey: public, D: d, Primes: []*big.Int{p, q}}
	private.Precompute()
	if private.Validate() != nil {
		f.add("d, p and q do not match n and e")
		return nil
	}
	return private
}
