package token

import (
	"strings"
	"testing"
)

// BenchmarkVerifyAccess measures what every authenticated request does. At the first use of a token, most of the time is for
// the signature, which BenchmarkSignatureAlone measures. Later uses skip it.
func BenchmarkVerifyAccess(b *testing.B) {
	for _, algorithm := range signers {
		by := authority(b, algorithm)
		raw := signAccess(b, by, good)
		verify := func(b *testing.B, before func()) {
			b.ReportAllocs()
			for b.Loop() {
				before()
				if _, err := by.VerifyAccess(raw, now); err != nil {
					b.Fatal(err)
				}
			}
		}
		b.Run(algorithm+"/first", func(b *testing.B) { verify(b, func() { by.verified = memory{} }) })
		b.Run(algorithm+"/again", func(b *testing.B) { verify(b, func() {}) })
	}
}

func BenchmarkSignatureAlone(b *testing.B) {
	for _, algorithm := range signers {
		by := authority(b, algorithm)
		token, err := splitCompact(signAccess(b, by, good))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(algorithm, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := by.keys.signing.verify(token); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRefuseAccess shows that refusing an invalid token takes microseconds.
func BenchmarkRefuseAccess(b *testing.B) {
	f := newForger(b)
	kid, _ := f.keyOf("ES256")
	for name, raw := range map[string]string{
		"garbage":     strings.Repeat("A", 600),
		"over-long":   strings.Repeat("A", 10_000),
		"unknown kid": f.sign(f.other(f.header, kid, "unknown"), f.claims),
		"expired":     f.sign(f.header, f.other(f.claims, "1800003600", "1800000000")),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := f.by.VerifyAccess(raw, now); err == nil {
					b.Fatalf("VerifyAccess accepted the token %q, want a refusal", name)
				}
			}
		})
	}
}

func BenchmarkSignAccess(b *testing.B) {
	by := authority(b, "ES256")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := by.SignAccess(good); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpenRefresh(b *testing.B) {
	keys := parse(b, generated(), "ES256")
	raw := sealRefresh(b, keys, refreshClaims)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := keys.OpenRefresh(raw); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkParseKeySet measures a part of each cold start.
func BenchmarkParseKeySet(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseKeySet(generated(), "ES256"); err != nil {
			b.Fatal(err)
		}
	}
}
