package account_test

import (
	"testing"

	"latchkey/pkg/account"
)

// FuzzParseLoginName checks that parsing never panics and is deterministic.
func FuzzParseLoginName(f *testing.F) {
	for _, seed := range []string{"alice", "ALICE@Example.com", "@", "\u200b", "Ａlice", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		first, second := account.ParseLoginName(typed), account.ParseLoginName(typed)
		if second != first {
			t.Errorf("ParseLoginName(%q): got %+v, want %+v as at the first call", typed, second, first)
		}
	})
}
