package token

import (
	"bytes"
	"crypto/rand"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"latchkey/pkg/session"

	"pgregory.net/rapid"
)

var refreshClaims = session.RefreshClaims{User: alice, Session: aliceSession, Generation: 0x01020304}

func sealRefresh(t testing.TB, keys *KeySet, r session.RefreshClaims) string {
	t.Helper()
	sealed, err := keys.SealRefresh(keys.DerivingKey(), r)
	if err != nil {
		t.Fatalf("SealRefresh(%+v): %v", r, err)
	}
	return sealed.Reveal()
}

// TestRefreshTokenLayout keeps the layout unchanged, because tokens outlive the release that created them. Another
// implementation (hmac and base64 of Python) computed the expected text from the description in derive.go.
func TestRefreshTokenLayout(t *testing.T) {
	oct := jwk{KeyType: "oct", Algorithm: deriving, KeyID: "fixed", K: encode(bytes.Repeat([]byte("K"), 32))}
	keys := parse(t, setOf(t, append([]jwk{oct}, privateKeys(t)...)...), "ES256")
	const want = "AZkqk0WhAAAAAABAAIAAAAAAAAABXgAAAAAAQACAAAAAAAAAAgECAwSF" +
		"3HupAcEldeP7XjV8-WSLbKmJ5iX8WHF1AHUROSpd7Q"
	if got := sealRefresh(t, keys, refreshClaims); got != want {
		t.Errorf("SealRefresh(%+v) = %s, want %s", refreshClaims, got, want)
	}
}

func TestRefreshTokenRoundTrips(t *testing.T) {
	keys := parse(t, generated(), "ES256")
	rapid.Check(t, func(t *rapid.T) {
		r := session.RefreshClaims{
			User:       drawID(t, "user"),
			Session:    drawID(t, "session"),
			Generation: rapid.Uint32().Draw(t, "generation"),
		}
		sealed, err := keys.SealRefresh(keys.DerivingKey(), r)
		if err != nil {
			t.Fatal(err)
		}
		again, err := keys.SealRefresh(keys.DerivingKey(), r)
		if err != nil || again != sealed {
			t.Fatalf("SealRefresh returned %s and then %s, %v; want the same token", sealed.Reveal(), again.Reveal(), err)
		}
		if got, err := keys.OpenRefresh(sealed.Reveal()); err != nil || got != r {
			t.Fatalf("OpenRefresh = %+v, %v; want %+v", got, err, r)
		}
	})
}

func TestRefreshTokenDiffersInEachField(t *testing.T) {
	keys := parse(t, generated(), "ES256")
	seen := make(map[string]bool)
	for _, r := range []session.RefreshClaims{
		refreshClaims,
		{User: aliceSession, Session: alice, Generation: refreshClaims.Generation},
		{User: alice, Session: alice, Generation: refreshClaims.Generation},
		{User: alice, Session: aliceSession, Generation: 0},
		{User: alice, Session: aliceSession, Generation: math.MaxUint32},
	} {
		seen[sealRefresh(t, keys, r)] = true
	}
	if len(seen) != 5 {
		t.Errorf("got %d different tokens, want 5", len(seen))
	}
}

func TestRefreshTokenOfAnEarlierKeyOpensAndSealsAgain(t *testing.T) {
	before := parse(t, generated(), "ES256")
	raw := sealRefresh(t, before, refreshClaims)
	fresh, err := generateKey(rand.Reader, deriving)
	if err != nil {
		t.Fatal(err)
	}
	after := parse(t, setOf(t, append([]jwk{fresh}, privateKeys(t)...)...), "ES256")
	if after.DerivingKey() != fresh.KeyID {
		t.Fatal("another key derives, want the first oct key")
	}
	got, err := after.OpenRefresh(raw)
	if err != nil || got != refreshClaims {
		t.Fatalf("OpenRefresh = %+v, %v; want %+v", got, err, refreshClaims)
	}
	if again, err := after.SealRefresh(before.DerivingKey(), got); err != nil || again.Reveal() != raw {
		t.Errorf("SealRefresh with the earlier key = %s, %v; want the earlier token %s", again.Reveal(), err, raw)
	}
	if later := sealRefresh(t, after, refreshClaims); later == raw {
		t.Error("SealRefresh returned the same token for another key, want another token")
	} else if _, err := before.OpenRefresh(later); !errors.Is(err, ErrInvalid) {
		t.Errorf("OpenRefresh without the key returned the error %v, want ErrInvalid", err)
	}
}

func TestSealRefreshNeedsTheKey(t *testing.T) {
	sealed, err := parse(t, generated(), "ES256").SealRefresh("gone", refreshClaims)
	if err == nil || errors.Is(err, ErrInvalid) || !sealed.IsZero() {
		t.Errorf("SealRefresh with an unknown key returned the error %v, want one that is not ErrInvalid", err)
	}
}

func TestOpenRefreshRefusesAnyChangedBit(t *testing.T) {
	keys := parse(t, generated(), "ES256")
	raw := sealRefresh(t, keys, refreshClaims)
	data := []byte(text(t, raw))
	for bit := range len(data) * 8 {
		changed := bytes.Clone(data)
		changed[bit/8] ^= 1 << (bit % 8)
		_, err := keys.OpenRefresh(encode(changed))
		mustInvalid(t, raw, err)
	}
	for bit := range len(raw) * 8 {
		changed := []byte(raw)
		changed[bit/8] ^= 1 << (bit % 8)
		_, err := keys.OpenRefresh(string(changed))
		mustInvalid(t, raw, err)
	}
}

func TestOpenRefreshRefuses(t *testing.T) {
	keys := parse(t, generated(), "ES256")
	raw := sealRefresh(t, keys, refreshClaims)
	data := text(t, raw)
	key := keys.deriving[0]
	body := []byte(data[prefixSize : prefixSize+refreshSize])
	signed := []byte(data[:prefixSize+refreshSize])
	unlabeled := slices.Concat(signed, key.mac("", signed))
	later := slices.Concat([]byte{derivedVersion + 1}, signed[1:])
	for name, bad := range map[string]string{
		"empty":                        "",
		"garbage":                      "garbage",
		"only dots":                    strings.Repeat(".", len(raw)),
		"garbage of the right length":  strings.Repeat("A", len(raw)),
		"truncated":                    raw[:len(raw)-1],
		"one more letter":              raw + "A",
		"padded":                       raw + "==",
		"line breaks for the last two": raw[:len(raw)-2] + "\r\n",
		"one more line break":          raw + "\n",
		"unused bits set":              nextLetter(raw),
		"the standard alphabet":        strings.Repeat("+/", len(raw)/2),
		"10 kB":                        strings.Repeat(raw, 103),
		"a shorter body":               key.seal(purposeRefresh, body[1:]).Reveal(),
		"another purpose":              key.seal("latchkey/refresh/v2", body).Reveal(),
		"no purpose":                   encode(unlabeled),
		"a later version":              encode(slices.Concat(later, key.mac(purposeRefresh, later))),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := keys.OpenRefresh(bad)
			mustInvalid(t, bad, err)
			if got != (session.RefreshClaims{}) {
				t.Errorf("got claims %+v with the error, want none", got)
			}
		})
	}
}
