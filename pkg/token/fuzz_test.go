package token

import (
	"errors"
	"strings"
	"testing"
)

// FuzzVerifyAccess shows that VerifyAccess never panics, has only one error, and accepts only the claims that were signed.
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
			t.Fatalf("VerifyAccess(%q) returned the error %v, want ErrInvalid", raw, err)
		}
		if err == nil && claims != good {
			t.Fatalf("VerifyAccess(%q) = %+v, want %+v or an error", raw, claims, good)
		}
	})
}

// FuzzHeaderAndClaims passes correctly signed texts to the JSON decoders. The base64 layer keeps most inputs of
// [FuzzVerifyAccess] from them.
func FuzzHeaderAndClaims(f *testing.F) {
	forge := newForger(f)
	kid, key := forge.keyOf("EdDSA")
	header := `{"alg":"EdDSA","kid":"` + kid + `"}`
	f.Add(header, forge.claims)
	f.Add(`{"alg":"none"}`, `{"exp":"1"}`)
	f.Add(`{}`, `{"sub":1,"sub":2}`)
	f.Fuzz(func(t *testing.T, header, claims string) {
		copied := *forge
		copied.t = t
		raw := copied.signWith(key, header, claims)
		got, err := forge.by.VerifyAccess(raw, now)
		if err != nil && !errors.Is(err, ErrInvalid) {
			t.Fatalf("VerifyAccess with the header %q and the claims %q returned the error %v, want ErrInvalid", header, claims, err)
		}
		if err == nil && (got.Subject.IsZero() || got.Session.IsZero() || got.ID == "" || !got.Expires.After(now)) {
			t.Fatalf("VerifyAccess accepted the claims %q as %+v, want an error", claims, got)
		}
	})
}

// FuzzOpenRefresh shows that OpenRefresh never panics, has only one error, and accepts only the result of SealRefresh.
func FuzzOpenRefresh(f *testing.F) {
	keys := parse(f, generated(), "ES256")
	raw := sealRefresh(f, keys, refreshClaims)
	for _, seed := range []string{raw, "", raw[1:], raw + "=", strings.Repeat("A", len(raw))} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		claims, err := keys.OpenRefresh(raw)
		if err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Fatalf("OpenRefresh(%q) returned the error %v, want ErrInvalid", raw, err)
			}
			return
		}
		if sealed, err := keys.SealRefresh(keys.DerivingKey(), claims); err != nil || sealed.Reveal() != raw {
			t.Fatalf("OpenRefresh(%q) accepted a text that SealRefresh does not return", raw)
		}
	})
}

// FuzzParseKeySet shows that ParseKeySet never panics, and that an accepted set signs, derives and publishes no private member.
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
			t.Fatalf("VerifyAccess = %+v, %v; want %+v", got, err, good)
		}
		if got, err := keys.OpenRefresh(sealRefresh(t, keys, refreshClaims)); err != nil || got != refreshClaims {
			t.Fatalf("OpenRefresh = %+v, %v; want %+v", got, err, refreshClaims)
		}
		for _, private := range []string{`"d":`, `"p":`, `"q":`, `"k":`, `"oct"`} {
			if strings.Contains(string(keys.PublicJWKS()), private) {
				t.Fatalf("the public set contains %s, want no private member", private)
			}
		}
	})
}
