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

func TestAccessTokenIsWhatTheContractSays(t *testing.T) {
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
				t.Errorf("header %s, want %s", got, want)
			}
			want := `{"iss":"https://auth.example","sub":"` + alice.String() + `","aud":"https://api.example",` +
				`"exp":1800003600,"iat":1800000000,"jti":"token-1","sid":"` + visit.String() + `","type":"access"}`
			if got := text(t, parts[1]); got != want {
				t.Errorf("claims %s, want %s", got, want)
			}
			if got, err := by.VerifyAccess(raw, now); err != nil || got != good {
				t.Errorf("verified as %+v, %v", got, err)
			}
		})
	}
}

func TestAccessTokenCountsFromIssueToExpiry(t *testing.T) {
	by := authority(t, "ES256")
	raw := signAccess(t, by, good)
	for name, row := range map[string]struct {
		at   time.Time
		want bool
	}{
		"as issued":                          {good.IssuedAt, true},
		"issued by a clock one second ahead": {good.IssuedAt.Add(-time.Second), true},
		"issued by a clock two ahead":        {good.IssuedAt.Add(-2 * time.Second), false},
		"the last nanosecond":                {good.Expires.Add(-time.Nanosecond), true},
		"the very second of exp":             {good.Expires, false},
		"long after":                         {good.Expires.AddDate(1, 0, 0), false},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := by.VerifyAccess(raw, row.at)
			if (err == nil) != row.want {
				t.Errorf("got %v, want accepted: %v", err, row.want)
			}
		})
	}
}

func TestAccessTokenOfAnEarlierSigningKeyStillVerifies(t *testing.T) {
	for _, earlier := range signers {
		for _, current := range signers {
			raw := signAccess(t, authority(t, earlier), good)
			if _, err := authority(t, current).VerifyAccess(raw, now); err != nil {
				t.Errorf("signed by %s, verified where %s signs: %v", earlier, current, err)
			}
		}
	}
}

func TestSignAccessRefusesWhatWouldNotVerify(t *testing.T) {
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
			made, err := authority(t, "EdDSA").SignAccess(claims)
			if err == nil || !made.IsZero() {
				t.Fatal("signed")
			}
			if errors.Is(err, ErrInvalid) {
				t.Errorf("blames the client: %v", err)
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
		made, err := by.SignAccess(claims)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := by.VerifyAccess(made.Reveal(), claims.IssuedAt); err != nil || got != claims {
			t.Fatalf("%+v came back as %+v, %v", claims, got, err)
		}
	})
}

// drawID draws any identifier but the zero one, which is none.
func drawID(t *rapid.T, label string) id.ID {
	drawn := rapid.SliceOfN(rapid.Byte(), id.Size, id.Size).Draw(t, label)
	drawn[6] |= 0x40 // the version's bit, which every UUID of ours has
	return id.ID(drawn)
}
