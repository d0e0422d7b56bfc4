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

var aRefresh = session.RefreshClaims{User: alice, Session: visit, Generation: 0x01020304}

func sealRefresh(t testing.TB, keys *KeySet, r session.RefreshClaims) string {
	t.Helper()
	made, err := keys.SealRefresh(keys.DerivingKey(), r)
	if err != nil {
		t.Fatalf("SealRefresh: %v", err)
	}
	return made.Reveal()
}

// TestRefreshTokenLayout holds the form still, since a token outlives the release that made it. The expected text was computed
// from the description in derive.go by another implementation (Python's hmac and base64).
func TestRefreshTokenLayout(t *testing.T) {
	oct := jwk{KeyType: "oct", Algorithm: deriving, KeyID: "fixed", K: encode(bytes.Repeat([]byte("K"), 32))}
	keys := parse(t, setOf(t, append([]jwk{oct}, privateKeys(t)...)...), "ES256")
	const want = "AZkqk0WhAAAAAABAAIAAAAAAAAABXgAAAAAAQACAAAAAAAAAAgECAwSF" +
		"3HupAcEldeP7XjV8-WSLbKmJ5iX8WHF1AHUROSpd7Q"
	if got := sealRefresh(t, keys, aRefresh); got != want {
		t.Errorf("got %s, want %s", got, want)
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
		made, err := keys.SealRefresh(keys.DerivingKey(), r)
		if err != nil {
			t.Fatal(err)
		}
		again, err := keys.SealRefresh(keys.DerivingKey(), r)
		if err != nil || again != made {
			t.Fatal("a retry would get another token")
		}
		if got, err := keys.OpenRefresh(made.Reveal()); err != nil || got != r {
			t.Fatalf("got %+v, %v, want %+v", got, err, r)
		}
	})
}

func TestRefreshTokenDiffersInEachField(t *testing.T) {
	keys := parse(t, generated(), "ES256")
	seen := make(map[string]bool)
	for _, r := range []session.RefreshClaims{
		aRefresh,
		{User: visit, Session: alice, Generation: aRefresh.Generation},
		{User: alice, Session: alice, Generation: aRefresh.Generation},
		{User: alice, Session: visit, Generation: 0},
		{User: alice, Session: visit, Generation: math.MaxUint32},
	} {
		seen[sealRefresh(t, keys, r)] = true
	}
	if len(seen) != 5 {
		t.Errorf("%d tokens of 5", len(seen))
	}
}

func TestRefreshTokenOfAnEarlierKeyOpensAndSealsAgain(t *testing.T) {
	before := parse(t, generated(), "ES256")
	raw := sealRefresh(t, before, aRefresh)
	fresh, err := generateKey(rand.Reader, deriving)
	if err != nil {
		t.Fatal(err)
	}
	after := parse(t, setOf(t, append([]jwk{fresh}, privateKeys(t)...)...), "ES256")
	if after.DerivingKey() != fresh.KeyID {
		t.Fatal("the first oct key does not derive")
	}
	got, err := after.OpenRefresh(raw)
	if err != nil || got != aRefresh {
		t.Fatalf("got %+v, %v, want %+v", got, err, aRefresh)
	}
	if again, err := after.SealRefresh(before.DerivingKey(), got); err != nil || again.Reveal() != raw {
		t.Errorf("the retry's token differs: %v", err)
	}
	if later := sealRefresh(t, after, aRefresh); later == raw {
		t.Error("the new key makes the old key's token")
	} else if _, err := before.OpenRefresh(later); !errors.Is(err, ErrInvalid) {
		t.Errorf("a set without the key: %v", err)
	}
}

func TestSealRefreshNeedsTheKey(t *testing.T) {
	made, err := parse(t, generated(), "ES256").SealRefresh("gone", aRefresh)
	if err == nil || errors.Is(err, ErrInvalid) || !made.IsZero() {
		t.Errorf("got %v", err)
	}
}

func TestOpenRefreshRefusesAnyChangedBit(t *testing.T) {
	keys := parse(t, generated(), "ES256")
	raw := sealRefresh(t, keys, aRefresh)
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
	raw := sealRefresh(t, keys, aRefresh)
	data := text(t, raw)
	key := keys.deriving[0]
	body := []byte(data[prefixSize : prefixSize+refreshSize])
	signed := []byte(data[:prefixSize+refreshSize])
	unlabelled := slices.Concat(signed, key.mac("", signed))
	later := slices.Concat([]byte{derivedVersion + 1}, signed[1:])
	for name, bad := range map[string]string{
		"nothing":                      "",
		"garbage":                      "garbage",
		"only dots":                    strings.Repeat(".", len(raw)),
		"garbage of the right length":  strings.Repeat("A", len(raw)),
		"truncated":                    raw[:len(raw)-1],
		"one letter more":              raw + "A",
		"padded":                       raw + "==",
		"line breaks for the last two": raw[:len(raw)-2] + "\r\n",
		"a line break more":            raw + "\n",
		"unused bits set":              nextLetter(raw),
		"the standard alphabet":        strings.Repeat("+/", len(raw)/2),
		"10 kB":                        strings.Repeat(raw, 103),
		"a shorter body":               key.seal(purposeRefresh, body[1:]).Reveal(),
		"another purpose":              key.seal("latchkey/refresh/v2", body).Reveal(),
		"no purpose":                   encode(unlabelled),
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
