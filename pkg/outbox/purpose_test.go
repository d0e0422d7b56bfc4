package outbox_test

import (
	"strings"
	"testing"
	"time"

	"latchkey/pkg/outbox"
)

// TestDefinitions checks that each row of the table is complete, and that no two share what must be distinct.
func TestDefinitions(t *testing.T) {
	lives := outbox.Lifetimes{Verification: time.Hour, Reset: time.Hour}
	used := map[string]outbox.Purpose{}
	for _, purpose := range outbox.Purposes() {
		row, found := purpose.Definition()
		if !found || strings.Count(row.Subject, "%") != 1 || strings.Count(row.Subject, "%s") != 1 || row.Template == "" {
			t.Errorf("%s: got the row %+v, want a subject with one %%s and a template", purpose, row)
		}
		if row.HasLink() != (row.TokenLabel != "") || row.HasLink() != (row.Life != nil) || row.HasLink() && row.Notice {
			t.Errorf("%s: got the row %+v, want a page, a token label and a lifetime, or none of them", purpose, row)
		}
		if row.HasLink() && (!strings.HasPrefix(row.Page, "/") || !strings.HasSuffix(row.Page, "/") || row.Life(lives) != time.Hour) {
			t.Errorf("%s: got the page %q and the lifetime %v, want /…/ and 1h", purpose, row.Page, row.Life(lives))
		}
		for _, value := range []string{row.Subject, row.Template, row.Page, row.TokenLabel} {
			if other, taken := used[value]; taken && value != "" {
				t.Errorf("%s and %s both have %q, want distinct values", other, purpose, value)
			}
			used[value] = purpose
		}
	}
	if row, found := outbox.Purpose("newsletter").Definition(); found {
		t.Errorf("a purpose that does not exist: got the row %+v, want none", row)
	}
}
