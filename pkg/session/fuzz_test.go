package session_test

import (
	"testing"

	"latchkey/pkg/id"
	"latchkey/pkg/secret"
	"latchkey/pkg/session"
)

// FuzzOpenCookie checks that opening never panics, and that it accepts only the spelling that sealing returns.
func FuzzOpenCookie(f *testing.F) {
	good := session.SealCookie(session.Ref{User: id.ID{1}, Session: id.ID{2}}, make([]byte, 32)).Reveal()
	for _, seed := range []string{good, good[:85], good + "A", good[:85] + "=", "", "garbage", good[:80] + "\n" + good[81:]} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, cookie string) {
		ref, key, err := session.OpenCookie(secret.New(cookie))
		if err != nil {
			return
		}
		if sealed := session.SealCookie(ref, key).Reveal(); sealed != cookie {
			t.Errorf("opening and sealing %q: got %q, want the same text", cookie, sealed)
		}
	})
}
