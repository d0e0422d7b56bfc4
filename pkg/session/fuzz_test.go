package session_test

import (
	"testing"

	"latchkey/pkg/id"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
)

// FuzzOpenCookie holds: no panic, and read only in the one spelling that sealing writes.
func FuzzOpenCookie(f *testing.F) {
	good := session.SealCookie(session.Ref{User: id.ID{1}, Session: id.ID{2}}, make([]byte, 32)).Reveal()
	for _, seed := range []string{good, good[:85], good + "A", good[:85] + "=", "", "garbage", good[:80] + "\n" + good[81:]} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, cookie string) {
		ref, key, err := session.OpenCookie(secret.New(cookie))
		if err == nil && session.SealCookie(ref, key).Reveal() != cookie {
			t.Errorf("%q is read, and is not what was written", cookie)
		}
	})
}
