package token

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"math/big"
	"slices"
	"testing"
)

func TestParseKeySetRefusesMaterial(t *testing.T) {
	small := smallRSA(t)
	for name, row := range map[string]keyChange{
		"signing key without d":  member(0, func(k *jwk) { k.D = "" }, "the signing key has no private part"),
		"EC d of another key":    member(0, func(k *jwk) { k.D = filled(1, 32) }, "d does not match"),
		"EC d zero":              member(0, func(k *jwk) { k.D = filled(0, 32) }, "d does not match"),
		"EC d short":             member(0, func(k *jwk) { k.D = encode([]byte{1}) }, "d is not 32 bytes"),
		"EC x missing":           member(0, func(k *jwk) { k.X = "" }, "x is missing"),
		"EC y of another point":  member(0, func(k *jwk) { k.Y = k.X }, "x and y are not a point"),
		"EC point at zero":       member(0, func(k *jwk) { k.X, k.Y = filled(0, 32), filled(0, 32) }, "x and y are not a point"),
		"EC x with leading zero": member(0, func(k *jwk) { k.X = withZero(k.X) }, "x is not 32 bytes"),
		"EC x padded":            member(0, func(k *jwk) { k.X += "=" }, "x is not canonical"),
		"EC x with unused bits":  member(0, func(k *jwk) { k.X = nextLetter(k.X) }, "x is not canonical"),
		"EC x with a line break": member(0, func(k *jwk) { k.X += "\n" }, "x is not canonical"),
		"EC d not base64":        member(0, func(k *jwk) { k.D = "not base64!" }, "d is not canonical"),

		"Ed25519 d of another key": member(2, func(k *jwk) { k.D = filled(0, 32) }, "d does not match x"),
		"Ed25519 d short":          member(2, func(k *jwk) { k.D = filled(0, 31) }, "d is not 32 bytes"),
		"Ed25519 x long":           member(2, func(k *jwk) { k.X = filled(0, 33) }, "x is not 32 bytes"),

		"RSA of 2040 bits":        member(1, small.replace, "n has fewer than 2048"),
		"RSA of 8200 bits":        member(1, func(k *jwk) { k.N = filled(0xff, 1025) }, "n has fewer than 2048"),
		"RSA n with a zero":       member(1, func(k *jwk) { k.N = withZero(k.N) }, "n has a leading zero"),
		"RSA e even":              member(1, func(k *jwk) { k.E = encode([]byte{4}) }, "e is not an odd number"),
		"RSA e one":               member(1, func(k *jwk) { k.E = encode([]byte{1}) }, "e is not an odd number"),
		"RSA e huge":              member(1, func(k *jwk) { k.E = filled(0xff, 5) }, "e is not an odd number"),
		"RSA e missing":           member(1, func(k *jwk) { k.E = "" }, "e is missing"),
		"RSA without primes":      member(1, func(k *jwk) { k.P, k.Q = "", "" }, "p is missing"),
		"RSA primes of other key": member(1, func(k *jwk) { k.P, k.Q = small.P, small.Q }, "d, p and q do not match"),
		"RSA d of another key":    member(1, func(k *jwk) { k.D = small.D }, "d, p and q do not match"),
		"RSA of three primes":     member(1, func(k *jwk) { k.OtherPrimes = []byte(`[{}]`) }, "oth"),

		"oct of 31 bytes": member(3, func(k *jwk) { k.K = filled(7, 31) }, "k is shorter"),
		"oct without k":   member(3, func(k *jwk) { k.K = "" }, "k is missing"),
		"oct k padded":    member(3, func(k *jwk) { k.K += "=" }, "k is not canonical"),
	} {
		t.Run(name, func(t *testing.T) {
			mustRefuseSet(t, setOf(t, row.change(privateKeys(t))...), "ES256", row.want)
		})
	}
}

// smallRSA returns a valid key just below the minimum size.
func smallRSA(t *testing.T) jwk {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, minRSABits-8)
	if err != nil {
		t.Fatal(err)
	}
	return jwk{
		N: encode(key.N.Bytes()), E: encode(big.NewInt(int64(key.E)).Bytes()), D: encode(key.D.Bytes()),
		P: encode(key.Primes[0].Bytes()), Q: encode(key.Primes[1].Bytes()),
	}
}

// replace copies the material of k to another key.
func (k *jwk) replace(other *jwk) {
	other.N, other.E, other.D, other.P, other.Q = k.N, k.E, k.D, k.P, k.Q
}

// filled returns a member of size bytes that all are b.
func filled(b byte, size int) string { return encode(bytes.Repeat([]byte{b}, size)) }

// withZero returns a member with an additional leading zero byte.
func withZero(member string) string {
	data, ok := decode(member)
	if !ok {
		panic("not base64url")
	}
	return encode(slices.Concat([]byte{0}, data))
}
