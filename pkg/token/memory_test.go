package token

import (
	"crypto/rand"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/pkg/session"
)

// remembered returns an authority that has verified raw, and makes sure that it remembers raw.
func remembered(t testing.TB) (by *Authority, raw string) {
	t.Helper()
	by = authority(t, "ES256")
	raw = signAccess(t, by, good)
	if _, err := by.VerifyAccess(raw, now); err != nil {
		t.Fatal(err)
	}
	if _, found := by.verified.recall(fingerprintOf(raw)); !found {
		t.Fatal("the memory lacks a verified token")
	}
	return by, raw
}

func TestRememberedTokenReturnsItsClaims(t *testing.T) {
	by, raw := remembered(t)
	clear(by.keys.verifying) // so that only the memory can return the claims
	if got, err := by.VerifyAccess(raw, now); err != nil || got != good {
		t.Errorf("VerifyAccess = %+v, %v; want %+v", got, err, good)
	}
}

func TestRememberedTokenIsCheckedAgain(t *testing.T) {
	for name, row := range map[string]struct {
		at     time.Time
		change func(*Authority)
	}{
		"exactly at exp":         {at: good.Expires},
		"a year after exp":       {at: good.Expires.AddDate(1, 0, 0)},
		"a clock before iat":     {at: good.IssuedAt.Add(-2 * time.Second)},
		"the issuer has changed": {at: now, change: func(by *Authority) { by.issuer = "https://other.example" }},
		"another audience":       {at: now, change: func(by *Authority) { by.audience = "https://other.example" }},
	} {
		t.Run(name, func(t *testing.T) {
			by, raw := remembered(t)
			if row.change != nil {
				row.change(by)
			}
			claims, err := by.VerifyAccess(raw, row.at)
			mustInvalid(t, raw, err)
			if claims != (session.AccessClaims{}) {
				t.Errorf("got the claims %+v with the error, want none", claims)
			}
		})
	}
}

func TestChangedTokenIsNotRemembered(t *testing.T) {
	by, raw := remembered(t)
	for at := range raw {
		changed := []byte(raw)
		changed[at] ^= 1
		_, err := by.VerifyAccess(string(changed), now)
		mustInvalid(t, string(changed), err)
	}
	if count := len(by.verified.claims); count != 1 {
		t.Errorf("got %d remembered tokens, want only the valid one", count)
	}
}

func TestRefusedTokensAreNotRemembered(t *testing.T) {
	f := newForger(t)
	parts := strings.Split(f.sign(f.header, f.claims), ".")
	for name, raw := range map[string]string{
		"a wrong signature": parts[0] + "." + parts[1] + "." + encode(make([]byte, 64)),
		"expired":           f.sign(f.header, f.other(f.claims, "1800003600", "1800000000")),
		"another issuer":    f.sign(f.header, f.other(f.claims, issuer, "https://evil.example")),
		"an unknown key":    f.sign(f.other(f.header, `"kid":"`, `"kid":"x`), f.claims),
		"garbage":           "..",
	} {
		f.mustRefuse(raw)
		if len(f.by.verified.claims) > 0 {
			t.Fatalf("%s: the token is remembered, want it forgotten", name)
		}
	}
}

func TestNewKeySetForgets(t *testing.T) {
	_, raw := remembered(t)
	rotated, err := GenerateKeySet(rand.Reader, "ES256")
	if err != nil {
		t.Fatal(err)
	}
	_, err = NewAuthority(parse(t, rotated, "ES256"), issuer, audience).VerifyAccess(raw, now)
	mustInvalid(t, raw, err)
}

func TestMemoryEvictsTheOldest(t *testing.T) {
	var m memory
	named := func(n int) fingerprint { return fingerprintOf(fmt.Sprint(n)) }
	const more = memorySize + memorySize/2
	for n := range more {
		m.remember(named(n), wireClaims{ID: fmt.Sprint(n)})
		m.remember(named(n), wireClaims{ID: "of a second request"})
	}
	if len(m.claims) != memorySize || len(m.order) != memorySize {
		t.Errorf("got %d claims and %d tokens in the memory, want %d of each", len(m.claims), len(m.order), memorySize)
	}
	for n := range more {
		claims, found := m.recall(named(n))
		if want := n >= more-memorySize; found != want {
			t.Fatalf("token %d of %d: recall = %v, want %v", n, more, found, want)
		} else if found && claims.ID != fmt.Sprint(n) {
			t.Fatalf("token %d of %d: got the claims of %q, want its own", n, more, claims.ID)
		}
	}
}

// TestMemoryIsSafeForConcurrentUse makes concurrent requests, each with its own token and one that all share. No request gets
// the claims of another, and the race detector finds nothing.
func TestMemoryIsSafeForConcurrentUse(t *testing.T) {
	by := authority(t, "EdDSA")
	shared := signAccess(t, by, good)
	var all sync.WaitGroup
	for n := range 32 {
		all.Go(func() {
			mine := good
			mine.ID = fmt.Sprint("mine-", n)
			own := signAccess(t, by, mine)
			for range 20 {
				for raw, want := range map[string]session.AccessClaims{shared: good, own: mine} {
					if got, err := by.VerifyAccess(raw, now); err != nil || got != want {
						t.Errorf("VerifyAccess = %+v, %v; want %+v", got, err, want)
					}
				}
			}
		})
	}
	all.Wait()
}
