package token

import (
	"crypto/rand"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"latchkey/pkg/id"
	"latchkey/pkg/session"
)

const (
	issuer   = "https://auth.example"
	audience = "https://api.example"
)

var (
	// now is the time of the tests. It has a fraction of a second, as real clocks do.
	now = time.Unix(1_800_000_000, 500_000_000)

	alice        = id.ID{0: 0xa1, 6: 0x40, 8: 0x80, 15: 1}
	aliceSession = id.ID{0: 0x5e, 6: 0x40, 8: 0x80, 15: 2}

	// good holds the claims of the tokens, unless a test says otherwise.
	good = session.AccessClaims{
		Subject: alice, Session: aliceSession, ID: "token-1",
		IssuedAt: time.Unix(1_800_000_000, 0).UTC(), Expires: time.Unix(1_800_003_600, 0).UTC(),
	}
)

// signers lists the algorithms that a key set can sign with.
var signers = []string{"ES256", "RS256", "EdDSA"}

// generated returns a private key set with a key of each algorithm. It is generated once, because RSA takes long.
var generated = sync.OnceValue(func() []byte {
	keys, err := GenerateKeySet(rand.Reader, signers...)
	if err != nil {
		panic(err)
	}
	return keys
})

func parse(t testing.TB, jwks []byte, algorithm string) *KeySet {
	t.Helper()
	keys, err := ParseKeySet(jwks, algorithm)
	if err != nil {
		t.Fatalf("ParseKeySet: %v", err)
	}
	return keys
}

// privateKeys returns the keys of the generated set, which a test may change.
func privateKeys(t testing.TB) []jwk {
	t.Helper()
	var set struct {
		Keys []jwk `json:"keys"`
	}
	if err := json.Unmarshal(generated(), &set); err != nil {
		t.Fatal(err)
	}
	return set.Keys
}

func setOf(t testing.TB, keys ...jwk) []byte {
	t.Helper()
	set, err := json.Marshal(map[string][]jwk{"keys": keys})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func authority(t testing.TB, algorithm string) *Authority {
	t.Helper()
	return NewAuthority(parse(t, generated(), algorithm), issuer, audience)
}

func signAccess(t testing.TB, by *Authority, claims session.AccessClaims) string {
	t.Helper()
	raw, err := by.SignAccess(claims)
	if err != nil {
		t.Fatalf("SignAccess(%+v): %v", claims, err)
	}
	return raw.Reveal()
}

// text decodes one part of a token.
func text(t testing.TB, part string) string {
	t.Helper()
	data, ok := decode(part)
	if !ok {
		t.Fatalf("got %q, want base64url", part)
	}
	return string(data)
}

// mustInvalid requires ErrInvalid, and a cause that repeats no part of the token.
func mustInvalid(t testing.TB, raw string, err error) {
	t.Helper()
	if !errors.Is(err, ErrInvalid) {
		t.Fatalf("got the error %v for the token %q, want ErrInvalid", err, raw)
	}
	for part := range strings.SplitSeq(raw, ".") {
		if len(part) > 8 && strings.Contains(err.Error(), part) {
			t.Errorf("the error %q contains the part %q of the token", err, part)
		}
	}
}
