package token

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"latchkey/pkg/id"
	"latchkey/pkg/session"
)

func TestAccessTokenFormat(t *testing.T) {
	for _, algorithm := range signers {
		t.Run(algorithm, func(t *testing.T) {
			by := authority(t, algorithm)
			raw := signAccess(t, by, good)
			parts := strings.Split(raw, ".")
			kid := ""
			for _, key := range privateKeys(t) {
				if key.Algorithm == algorithm {
					kid = key.KeyID
				}
			}
			if got, want := text(t, parts[0]), `{"alg":"`+algorithm+`","kid":"`+kid+`","typ":"JWT"}`; got != want {
				t.Errorf("got the header %s, want %s", got, want)
			}
			want := `{"iss":"https://auth.example","sub":"` + alice.String() + `","aud":"https://api.example",` +
				`"exp":1800003600,"iat":1800000000,"jti":"token-1","sid":"` + aliceSession.String() + `","type":"access"}`
			if got := text(t, parts[1]); got != want {
				t.Errorf("got the claims %s, want %s", got, want)
			}
			if got, err := by.VerifyAccess(raw, now); err != nil || got != good {
				t.Errorf("VerifyAccess = %+v, %v; want %+v", got, err, good)
			}
		})
	}
}

func TestAccessTokenLifetime(t *testing.T) {
	by := authority(t, "ES256")
	raw := signAccess(t, by, good)
	for name, row := range map[string]struct {
		at   time.Time
		want bool
	}{
		"at issue":                       {good.IssuedAt, true},
		"issued by a clock 1 s ahead":    {good.IssuedAt.Add(-time.Second), true},
		"issued by a clock 2 s ahead":    {good.IssuedAt.Add(-2 * time.Second), false},
		"the last nanosecond before exp": {good.Expires.Add(-time.Nanosecond), true},
		"exactly at exp":                 {good.Expires, false},
		"a year after exp":               {good.Expires.AddDate(1, 0, 0), false},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := by.VerifyAccess(raw, row.at)
			if (err == nil) != row.want {
				t.Errorf("VerifyAccess at %v returned the error %v, want it accepted: %v", row.at, err, row.want)
			}
		})
	}
}

func TestAccessTokenOfAnEarlierSigningKeyStillVerifies(t *testing.T) {
	for _, earlier := range signers {
		for _, current := range signers {
			raw := signAccess(t, authority(t, earlier), good)
			if _, err := authority(t, current).VerifyAccess(raw, now); err != nil {
				t.Errorf("VerifyAccess for a token signed by %s while %s signs: %v, want it accepted", earlier, current, err)
			}
		}
	}
}

func TestSignAccessRefusesInvalidClaims(t *testing.T) {
	for name, change := range map[string]func(*session.AccessClaims){
		"no subject":             func(c *session.AccessClaims) { c.Subject = id.ID{} },
		"no session":             func(c *session.AccessClaims) { c.Session = id.ID{} },
		"no jti":                 func(c *session.AccessClaims) { c.ID = "" },
		"a jti too long":         func(c *session.AccessClaims) { c.ID = strings.Repeat("j", maxTokenID+1) },
		"a jti that is no text":  func(c *session.AccessClaims) { c.ID = "\xff" },
		"no times":               func(c *session.AccessClaims) { c.IssuedAt, c.Expires = time.Time{}, time.Time{} },
		"an end at the start":    func(c *session.AccessClaims) { c.Expires = c.IssuedAt },
		"an end past year 9999":  func(c *session.AccessClaims) { c.Expires = time.Unix(lastSecond+1, 0) },
		"an end within a second": func(c *session.AccessClaims) { c.Expires = c.IssuedAt.Add(time.Second / 2) },
	} {
		t.Run(name, func(t *testing.T) {
			claims := good
			change(&claims)
			raw, err := authority(t, "EdDSA").SignAccess(claims)
			if err == nil || !raw.IsZero() {
				t.Fatalf("SignAccess(%+v) signed, want an error", claims)
			}
			if errors.Is(err, ErrInvalid) {
				t.Errorf("SignAccess(%+v) returned %v, want an error that is not ErrInvalid", claims, err)
			}
		})
	}
}

func TestAccessTokenRoundTrips(t *testing.T) {
	by := authority(t, "EdDSA")
	rapid.Check(t, func(t *rapid.T) {
		issued := rapid.Int64Range(1, lastSecond-1).Draw(t, "iat")
		claims := session.AccessClaims{
			Subject:  drawID(t, "sub"),
			Session:  drawID(t, "sid"),
			ID:       rapid.StringN(1, -1, maxTokenID).Draw(t, "jti"),
			IssuedAt: time.Unix(issued, 0).UTC(),
			Expires:  time.Unix(rapid.Int64Range(issued+1, lastSecond).Draw(t, "exp"), 0).UTC(),
		}
		raw, err := by.SignAccess(claims)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := by.VerifyAccess(raw.Reveal(), claims.IssuedAt); err != nil || got != claims {
			t.Fatalf("VerifyAccess = %+v, %v; want %+v", got, err, claims)
		}
	})
}

// drawID draws any identifier except the zero value.
func drawID(t *rapid.T, label string) id.ID {
	raw := rapid.SliceOfN(rapid.Byte(), id.Size, id.Size).Draw(t, label)
	raw[6] |= 0x40 // the version, which every UUID of this service has
	return id.ID(raw)
}
