package token

import (
	"crypto/rand"
	"errors"
	"testing"

	"latchkey/pkg/guard"
	"latchkey/pkg/id"
	"latchkey/pkg/outbox"
)

var deviceClaims = guard.Familiar{User: id.ID{1}, Epoch: 1 << 40, Device: id.ID{2}}

func TestDeviceCookieRoundTrips(t *testing.T) {
	keys := parse(t, generated(), "ES256")
	cookie := keys.SealDevice(deviceClaims)
	if got, err := keys.OpenDevice(cookie.Reveal()); err != nil || got != deviceClaims {
		t.Errorf("OpenDevice = %+v, %v; want %+v", got, err, deviceClaims)
	}
	if again := keys.SealDevice(deviceClaims); again != cookie {
		t.Errorf("SealDevice returned %s and then %s, want the same text", cookie.Reveal(), again.Reveal())
	}
}

// flipLetter changes one letter of a token.
func flipLetter(raw string, at int) string {
	other := "A"
	if raw[at] == 'A' {
		other = "B"
	}
	return raw[:at] + other + raw[at+1:]
}

func TestOpenDeviceRefuses(t *testing.T) {
	keys := parse(t, generated(), "ES256")
	raw := keys.SealDevice(deviceClaims).Reveal()
	mail, err := keys.SealMail(keys.DerivingKey(), outbox.Reset, id.ID{1})
	another, anotherErr := GenerateKeySet(rand.Reader, "ES256")
	if err != nil || anotherErr != nil {
		t.Fatal(err, anotherErr)
	}
	for name, cookie := range map[string]string{
		"nothing":            "",
		"truncated":          raw[1:],
		"padded":             raw + "=",
		"another user":       flipLetter(raw, 12),
		"a refresh token":    sealRefresh(t, keys, refreshClaims),
		"a mailed token":     mail.Reveal(),
		"of another key set": parse(t, another, "ES256").SealDevice(deviceClaims).Reveal(),
	} {
		if claims, err := keys.OpenDevice(cookie); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: OpenDevice = %+v, %v; want ErrInvalid", name, claims, err)
		}
	}
}

// FuzzOpenDevice shows that OpenDevice never panics, has only one error, and accepts only the result of SealDevice.
func FuzzOpenDevice(f *testing.F) {
	keys := parse(f, generated(), "ES256")
	raw := keys.SealDevice(deviceClaims).Reveal()
	for _, seed := range []string{raw, "", raw[1:], raw + "="} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		claims, err := keys.OpenDevice(raw)
		if err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Fatalf("OpenDevice(%q) returned the error %v, want ErrInvalid", raw, err)
			}
			return
		}
		if keys.SealDevice(claims).Reveal() != raw {
			t.Fatalf("OpenDevice(%q) accepted a text that SealDevice does not return", raw)
		}
	})
}
