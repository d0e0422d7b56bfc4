package token

import (
	"testing"

	"latchkey/pkg/outbox"
)

// TestMailLabelsAreDistinct checks that no token of a mail is valid as another kind of token.
func TestMailLabelsAreDistinct(t *testing.T) {
	used := map[purpose]string{purposeRefresh: "refresh tokens", purposeDevice: "device cookies"}
	for _, kind := range outbox.Purposes() {
		label, linked := mailLabel(kind)
		if !linked {
			continue
		}
		if other, found := used[label]; found {
			t.Errorf("the label of %s: got %q, which %s have, want a label of its own", kind, label, other)
		}
		used[label] = "the links of " + string(kind)
	}
}
