package auth_test

import (
	"testing"

	"latchkey/pkg/auth"
	"latchkey/pkg/id"
	"latchkey/pkg/secret"
)

// FuzzOpenCookie holds: no panic, and read only in the one spelling that sealing writes.
func FuzzOpenCookie(f *testing.F) {
	good := auth.SealCookie(auth.SessionRef{User: id.ID{1}, Session: id.ID{2}}, make([]byte, 32)).Reveal()
	for _, seed := range []string{good, good[:85], good + "A", good[:85] + "=", "", "garbage", good[:80] + "\n" + good[81:]} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, cookie string) {
		ref, key, err := auth.OpenCookie(secret.New(cookie))
		if err == nil && auth.SealCookie(ref, key).Reveal() != cookie {
			t.Errorf("%q is read, and is not what was written", cookie)
		}
	})
}

// FuzzParseLoginName holds: no panic, and one kind of name for each text.
func FuzzParseLoginName(f *testing.F) {
	for _, seed := range []string{"alice", "ALICE@Example.com", "@", "\u200b", "Ａlice", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		if once := auth.ParseLoginName(typed); auth.ParseLoginName(typed) != once {
			t.Errorf("%q is read in two ways", typed)
		}
	})
}
