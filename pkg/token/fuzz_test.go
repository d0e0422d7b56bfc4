package token

import (
	"errors"
	"strings"
	"testing"
)

// FuzzVerifyAccess holds: no panic, one error, and accepted only what says what we signed.
func FuzzVerifyAccess(f *testing.F) {
	by := authority(f, "EdDSA")
	raw := signAccess(f, by, good)
	parts := strings.Split(raw, ".")
	for _, seed := range []string{raw, "", "..", raw + ".", parts[0] + "..", "." + parts[1] + ".", raw[:len(raw)-1], "e30.e30.AA"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		claims, err := by.VerifyAccess(raw, now)
		if err != nil && !errors.Is(err, ErrInvalid) {
			t.Fatalf("another error: %v", err)
		}
		if err == nil && claims != good {
			t.Fatalf("accepted %+v", claims)
		}
	})
}

// FuzzHeaderAndClaims gives the JSON decoders what the base64 layer keeps from [FuzzVerifyAccess]: properly signed texts.
func FuzzHeaderAndClaims(f *testing.F) {
	forge := newForger(f)
	kid, key := forge.keyOf("EdDSA")
	header := `{"alg":"EdDSA","kid":"` + kid + `"}`
	f.Add(header, forge.claims)
	f.Add(`{"alg":"none"}`, `{"exp":"1"}`)
	f.Add(`{}`, `{"sub":1,"sub":2}`)
	f.Fuzz(func(t *testing.T, header, claims string) {
		within := *forge
		within.t = t
		raw := within.signWith(key, header, claims)
		got, err := forge.by.VerifyAccess(raw, now)
		if err != nil && !errors.Is(err, ErrInvalid) {
			t.Fatalf("another error: %v", err)
		}
		if err == nil && (got.Subject.IsZero() || got.Session.IsZero() || got.ID == "" || !got.Expires.After(now)) {
			t.Fatalf("accepted %q as %+v", claims, got)
		}
	})
}

// FuzzOpenRefresh holds: no panic, one error, and accepted only the very token that sealing makes again.
func FuzzOpenRefresh(f *testing.F) {
	keys := parse(f, generated(), "ES256")
	raw := sealRefresh(f, keys, aRefresh)
	for _, seed := range []string{raw, "", raw[1:], raw + "=", strings.Repeat("A", len(raw))} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		claims, err := keys.OpenRefresh(raw)
		if err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Fatalf("another error: %v", err)
			}
			return
		}
		if made, err := keys.SealRefresh(keys.DerivingKey(), claims); err != nil || made.Reveal() != raw {
			t.Fatalf("accepted %q, which sealing does not make", raw)
		}
	})
}

// FuzzParseKeySet holds: no panic, and whatever is accepted signs, derives and publishes no private member.
func FuzzParseKeySet(f *testing.F) {
	f.Add(generated(), "ES256")
	f.Add(setOf(f, privateKeys(f)[2:]...), "EdDSA")
	f.Add([]byte(`{"keys":[{"kty":"EC","alg":"ES256","kid":"a","crv":"P-256","x":"","y":"AA","d":"AA"}]}`), "ES256")
	f.Add([]byte(`{"keys":[{"kty":"RSA","alg":"RS256","kid":"a","n":"AQAB","e":"AQAB","d":"AA","p":"AA","q":"AA"}]}`), "RS256")
	f.Add([]byte(`{"keys":[{"kty":"oct","alg":"HS256","kid":"a","k":"AA"},null,5]}`), "none")
	f.Fuzz(func(t *testing.T, jwks []byte, algorithm string) {
		keys, err := ParseKeySet(jwks, algorithm)
		if err != nil {
			return
		}
		by := NewAuthority(keys, issuer, audience)
		if got, err := by.VerifyAccess(signAccess(t, by, good), now); err != nil || got != good {
			t.Fatalf("its access token: %+v, %v", got, err)
		}
		if got, err := keys.OpenRefresh(sealRefresh(t, keys, aRefresh)); err != nil || got != aRefresh {
			t.Fatalf("its refresh token: %+v, %v", got, err)
		}
		for _, private := range []string{`"d":`, `"p":`, `"q":`, `"k":`, `"oct"`} {
			if strings.Contains(string(keys.PublicJWKS()), private) {
				t.Fatalf("publishes %s", private)
			}
		}
	})
}
