package password

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"latchkey/pkg/secret"
)

// cheap keeps the tests fast. No property that they check depends on the cost.
var cheap = Params{MemoryKiB: 64, Time: 1, Threads: 1}

func TestHashRoundTrip(t *testing.T) {
	hasher := NewHasher(cheap, rand.Reader)
	for name, pw := range map[string]string{
		"ASCII":              "correct horse",
		"empty":              "",
		"white space around": "  spaced out\t",
		"composed":           "caf\u00e9 au lait",
		"decomposed":         "cafe\u0301 au lait",
		"NUL inside":         "before\x00after",
		"256 bytes":          strings.Repeat("p", MaxBytes),
	} {
		t.Run(name, func(t *testing.T) {
			phc := hasher.Hash(secret.New(pw))
			for _, other := range []string{pw, pw + " ", strings.TrimSpace(pw), pw + "\x00", strings.ToUpper(pw), "caf\u00e9 au lait"} {
				match, err := hasher.Verify(phc, secret.New(other))
				if err != nil || match != (other == pw) {
					t.Errorf("Verify(hash of %q, %q) = %v, %v; want %v", pw, other, match, err, other == pw)
				}
			}
		})
	}
}

// TestVerifyReference takes hashes from the test file of the argon2 reference implementation.
func TestVerifyReference(t *testing.T) {
	hasher := NewHasher(cheap, rand.Reader)
	for name, phc := range map[string]string{
		"one lane":  "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"two lanes": "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
		"64 MiB":    "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
	} {
		t.Run(name, func(t *testing.T) {
			if match, err := hasher.Verify(secret.New(phc), secret.New("password")); err != nil || !match {
				t.Errorf("Verify(%q, the password) = %v, %v; want true", phc, match, err)
			}
			if match, err := hasher.Verify(secret.New(phc), secret.New("Password")); err != nil || match {
				t.Errorf("Verify(%q, another password) = %v, %v; want false", phc, match, err)
			}
		})
	}
}

// TestVerifyErrorComputesNothing measures memory, because each computed hash would allocate some.
func TestVerifyErrorComputesNothing(t *testing.T) {
	hasher := NewHasher(cheap, rand.Reader)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for phc, want := range map[string]error{
		"": ErrUnreadable,
		"$argon2id$v=19$m=262145,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEg":     ErrCost,
		"$argon2id$v=19$m=4294967295,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEg": ErrCost,
	} {
		if _, err := hasher.Verify(secret.New(phc), secret.New("password")); !errors.Is(err, want) {
			t.Errorf("Verify(%q) returned the error %v, want %v", phc, err, want)
		}
	}
	runtime.ReadMemStats(&after)
	if got, want := after.TotalAlloc-before.TotalAlloc, uint64(cheap.MemoryKiB)<<10; got >= want {
		t.Errorf("the refusals allocated %d bytes, want less than the %d bytes of the cheapest hash", got, want)
	}
}

func TestHashSaltsAnew(t *testing.T) {
	hasher := NewHasher(cheap, rand.Reader)
	pw := secret.New("correct horse")
	if one, two := hasher.Hash(pw), hasher.Hash(pw); one == two {
		t.Errorf("Hash returned %s twice, want two different hashes", one.Reveal())
	}
}

func TestHashIsOfTheParameters(t *testing.T) {
	hash := NewHasher(Current, bytes.NewReader(make([]byte, saltSize))).Hash(secret.New("correct horse")).Reveal()
	if want := "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$"; !strings.HasPrefix(hash, want) || len(hash) != len(dummy) {
		t.Errorf("Hash returned %s, want %s and a tag of 32 bytes", hash, want)
	}
}

func TestHashPanicsWithoutRandomness(t *testing.T) {
	hasher := NewHasher(cheap, iotest.ErrReader(errors.New("dry")))
	defer func() {
		if recover() == nil {
			t.Error("Hash returned without a salt, want a panic")
		}
	}()
	hasher.Hash(secret.New("correct horse"))
}

// TestConcurrentUse shares a Hasher, for the race detector.
func TestConcurrentUse(t *testing.T) {
	hasher := NewHasher(cheap, rand.Reader)
	phc := hasher.Hash(secret.New("correct horse"))
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if match, err := hasher.Verify(phc, secret.New("correct horse")); err != nil || !match {
				t.Errorf("Verify = %v, %v; want true", match, err)
			}
		})
	}
	group.Wait()
}

func TestDummy(t *testing.T) {
	hasher := NewHasher(Current, rand.Reader)
	hash, err := parse(hasher.Dummy().Reveal())
	parsed, ok := hash.(argon2Hash)
	if err != nil || !ok || parsed.variant != argon2id || parsed.params != Current {
		t.Fatalf("the dummy has %+v, %v; want the current parameters %+v", parsed.params, err, Current)
	}
	salt, tag := sha256.Sum256([]byte("latchkey dummy salt")), sha256.Sum256([]byte("latchkey dummy tag"))
	if !bytes.Equal(parsed.salt, salt[:saltSize]) || !bytes.Equal(parsed.tag, tag[:]) {
		t.Error("salt and tag of the dummy are not the sums of the fixed texts, so a password for it may be known")
	}
	for _, pw := range []string{"", "password", "latchkey dummy tag"} {
		if match, err := hasher.Verify(hasher.Dummy(), secret.New(pw)); err != nil || match {
			t.Errorf("Verify(dummy, %q) = %v, %v; want false", pw, match, err)
		}
	}
}

func BenchmarkHash(b *testing.B) {
	hasher := NewHasher(Current, rand.Reader)
	for b.Loop() {
		hasher.Hash(secret.New("correct horse"))
	}
}

func BenchmarkVerifyDummy(b *testing.B) {
	hasher := NewHasher(Current, rand.Reader)
	for b.Loop() {
		if _, err := hasher.Verify(hasher.Dummy(), secret.New("correct horse")); err != nil {
			b.Fatal(err)
		}
	}
}
