package token

import (
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"testing/iotest"
)

func TestGenerateKeySetMakesWhatParseKeySetTakes(t *testing.T) {
	for _, algorithm := range signers {
		t.Run(algorithm, func(t *testing.T) {
			made, err := GenerateKeySet(rand.Reader, algorithm)
			if err != nil {
				t.Fatal(err)
			}
			by := NewAuthority(parse(t, made, algorithm), issuer, audience)
			if got, err := by.VerifyAccess(signAccess(t, by, good), now); err != nil || got != good {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

func TestGenerateKeySetNamesKeys(t *testing.T) {
	for _, key := range privateKeys(t) {
		if key.KeyType != "oct" && key.KeyID != key.thumbprint() {
			t.Errorf("%s: kid %s is not the thumbprint", key.Algorithm, key.KeyID)
		}
		if key.KeyType == "oct" && (key.KeyID == key.thumbprint() || len(key.KeyID) != 22) {
			t.Errorf("oct: kid %s is not random", key.KeyID)
		}
	}
}

func TestGenerateKeySetWritesAllOfAnRSAKey(t *testing.T) {
	key := privateKeys(t)[1] // RFC 7518 §6.3.2: one CRT value there, all there
	if key.P == "" || key.Q == "" || key.DP == "" || key.DQ == "" || key.QI == "" {
		t.Errorf("%s key lacks a CRT value", key.Algorithm)
	}
}

func TestGenerateKeySetFails(t *testing.T) {
	broken := errors.New("no randomness")
	for name, row := range map[string]struct {
		bytes     int64 // that the source gives
		algorithm string
	}{
		"unknown algorithm":        {1024, "PS256"},
		"symmetric algorithm":      {1024, "HS256"},
		"no randomness for ES256":  {31, "ES256"},
		"no randomness for EdDSA":  {31, "EdDSA"},
		"no randomness for oct":    {32 + 31, "ES256"},
		"no randomness for its ID": {32 + 32 + 15, "ES256"},
	} {
		t.Run(name, func(t *testing.T) {
			made, err := GenerateKeySet(&failing{left: row.bytes, err: broken}, row.algorithm)
			if err == nil || made != nil {
				t.Fatalf("made %d bytes", len(made))
			}
			if strings.HasPrefix(name, "no randomness") && !errors.Is(err, broken) {
				t.Errorf("got %v", err)
			}
		})
	}
	if _, err := GenerateKeySet(constant(0), "ES256"); err == nil {
		t.Error("a source of zeros made a key")
	}
	if _, err := GenerateKeySet(iotest.ErrReader(broken), "EdDSA"); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

// failing gives random bytes until left is used up, then err.
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

// constant is a source that always gives one byte.
type constant byte

func (c constant) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(c)
	}
	return len(p), nil
}
