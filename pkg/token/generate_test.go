package token

import (
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"testing/iotest"
)

func TestGenerateKeySetIsAcceptedByParseKeySet(t *testing.T) {
	for _, algorithm := range signers {
		t.Run(algorithm, func(t *testing.T) {
			set, err := GenerateKeySet(rand.Reader, algorithm)
			if err != nil {
				t.Fatal(err)
			}
			by := NewAuthority(parse(t, set, algorithm), issuer, audience)
			if got, err := by.VerifyAccess(signAccess(t, by, good), now); err != nil || got != good {
				t.Errorf("VerifyAccess = %+v, %v; want %+v", got, err, good)
			}
		})
	}
}

func TestGenerateKeySetNamesKeys(t *testing.T) {
	for _, key := range privateKeys(t) {
		if key.KeyType != "oct" && key.KeyID != key.thumbprint() {
			t.Errorf("%s: got the kid %s, want the thumbprint %s", key.Algorithm, key.KeyID, key.thumbprint())
		}
		if key.KeyType == "oct" && (key.KeyID == key.thumbprint() || len(key.KeyID) != 22) {
			t.Errorf("oct: got the kid %s, want 22 random letters", key.KeyID)
		}
	}
}

func TestGenerateKeySetWritesAllOfAnRSAKey(t *testing.T) {
	key := privateKeys(t)[1] // RFC 7518 §6.3.2: a key with one CRT value has all
	if key.P == "" || key.Q == "" || key.DP == "" || key.DQ == "" || key.QI == "" {
		t.Errorf("the %s key lacks a CRT value, want all of p, q, dp, dq and qi", key.Algorithm)
	}
}

func TestGenerateKeySetFails(t *testing.T) {
	broken := errors.New("no entropy")
	for name, row := range map[string]struct {
		bytes     int64 // of the source
		algorithm string
	}{
		"unknown algorithm":     {1024, "PS256"},
		"symmetric algorithm":   {1024, "HS256"},
		"no entropy for ES256":  {31, "ES256"},
		"no entropy for EdDSA":  {31, "EdDSA"},
		"no entropy for oct":    {32 + 31, "ES256"},
		"no entropy for its ID": {32 + 32 + 15, "ES256"},
	} {
		t.Run(name, func(t *testing.T) {
			set, err := GenerateKeySet(&failing{left: row.bytes, err: broken}, row.algorithm)
			if err == nil || set != nil {
				t.Fatalf("GenerateKeySet returned %d bytes and the error %v, want only an error", len(set), err)
			}
			if strings.HasPrefix(name, "no entropy") && !errors.Is(err, broken) {
				t.Errorf("GenerateKeySet returned the error %v, want %v", err, broken)
			}
		})
	}
	if _, err := GenerateKeySet(constant(0), "ES256"); err == nil {
		t.Error("GenerateKeySet returned a key from a source of zeros, want an error")
	}
	if _, err := GenerateKeySet(iotest.ErrReader(broken), "EdDSA"); !errors.Is(err, broken) {
		t.Errorf("GenerateKeySet returned the error %v, want %v", err, broken)
	}
}

// failing is a source that returns random bytes until left is used up, and then err.
type failing struct {
	left int64
	err  error
}

func (f *failing) Read(p []byte) (int, error) {
	if int64(len(p)) > f.left {
		return 0, f.err
	}
	f.left -= int64(len(p))
	return rand.Read(p)
}

// constant is a source that always returns the same byte.
type constant byte

func (c constant) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(c)
	}
	return len(p), nil
}
