package token

import (
	"crypto/rand"
	"errors"
	"testing"

	"latchkey/pkg/guard"
	"latchkey/pkg/id"
	"latchkey/pkg/outbox"
)

var aDevice = guard.DeviceClaims{User: id.ID{1}, Epoch: 1 << 40, Device: id.ID{2}}

func TestADeviceCookieIsReadAsItWasMade(t *testing.T) {
	keys := parse(t, generated(), "ES256")
	cookie := keys.SealDevice(aDevice)
	if got, err := keys.OpenDevice(cookie.Reveal()); err != nil || got != aDevice {
		t.Errorf("it says %+v, error %v", got, err)
	}
	if keys.SealDevice(aDevice) != cookie {
		t.Error("it is another one the second time")
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

func TestWhatIsNoDeviceCookie(t *testing.T) {
	keys := parse(t, generated(), "ES256")
	raw := keys.SealDevice(aDevice).Reveal()
	mail, err := keys.SealMail(keys.DerivingKey(), outbox.Reset, id.ID{1})
	another, anotherErr := GenerateKeySet(rand.Reader, "ES256")
	if err != nil || anotherErr != nil {
		t.Fatal(err, anotherErr)
	}
	for name, cookie := range map[string]string{
		"nothing":            "",
		"cut":                raw[1:],
		"padded":             raw + "=",
		"another user":       flipLetter(raw, 12),
		"a refresh token":    sealRefresh(t, keys, aRefresh),
		"a link's token":     mail.Reveal(),
		"of another key set": parse(t, another, "ES256").SealDevice(aDevice).Reveal(),
	} {
		if claims, err := keys.OpenDevice(cookie); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %+v, error %v", name, claims, err)
		}
	}
}

// FuzzOpenDevice holds: no panic, one error, and accepted only the very cookie that sealing makes again.
func FuzzOpenDevice(f *testing.F) {
	keys := parse(f, generated(), "ES256")
	raw := keys.SealDevice(aDevice).Reveal()
	for _, seed := range []string{raw, "", raw[1:], raw + "="} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		claims, err := keys.OpenDevice(raw)
		if err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Fatalf("another error: %v", err)
			}
			return
		}
		if keys.SealDevice(claims).Reveal() != raw {
			t.Fatalf("accepted %q, which sealing does not make", raw)
		}
	})
}
