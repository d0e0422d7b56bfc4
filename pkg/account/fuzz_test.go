package account_test

import (
	"testing"

	"latchkey/pkg/account"
)

// FuzzParseLoginName holds: no panic, and one kind of name for each text.
func FuzzParseLoginName(f *testing.F) {
	for _, seed := range []string{"alice", "ALICE@Example.com", "@", "\u200b", "Ａlice", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		if once := account.ParseLoginName(typed); account.ParseLoginName(typed) != once {
			t.Errorf("%q is read in two ways", typed)
		}
	})
}
