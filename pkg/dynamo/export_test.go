package dynamo_test

import (
	"encoding/json"
	"testing"
	"time"

	"latchkey/pkg/account"
	"latchkey/pkg/dynamo"
	"latchkey/pkg/id"
	"latchkey/pkg/identifier"
	"latchkey/pkg/session"
)

// TestExportAccountEncodesEachType checks one attribute of each type. That the store reads exported accounts is tested in
// infra/testkit/population.
func TestExportAccountEncodesEachType(t *testing.T) {
	const name = "Ada \"the\" \\ Ω"
	user := account.User{
		ID: id.ID{1}, Username: identifier.Username{Typed: "ada", Canonical: "ada"}, FirstName: name, Active: true, SessionsLeft: 49,
	}
	now := time.Unix(1_800_000_000, 0)
	sess := session.Session{
		User: user.ID, ID: id.ID{2}, Kind: session.KindCookie, Created: now, Expires: now, End: now, SecretHash: []byte{0, 1, 2},
	}
	lines, err := dynamo.ExportAccount(user, sess)
	if err != nil {
		t.Fatal(err)
	}
	if got := len(lines[dynamo.Users]); got != 3 {
		t.Fatalf("got %d items of the user, want the account and two guards", got)
	}
	stored := decodeLine(t, lines[dynamo.Users][2])
	for attribute, want := range map[string]map[string]any{
		"pk": {"S": "U#" + user.ID.String()}, "first_name": {"S": name}, "active": {"BOOL": true}, "room": {"N": "49"},
	} {
		for kind, value := range want {
			if got := stored[attribute][kind]; got != value {
				t.Errorf("%s: got %v, want %v in %s", attribute, stored[attribute], value, kind)
			}
		}
	}
	if got := decodeLine(t, lines[dynamo.Sessions][0])["secret"]["B"]; got != "AAEC" {
		t.Errorf("secret: got %v, want AAEC, the bytes in base64", got)
	}
}

// decodeLine returns the attributes in a line of an export.
func decodeLine(t *testing.T, line []byte) map[string]map[string]any {
	t.Helper()
	var decoded struct{ Item map[string]map[string]any }
	if err := json.Unmarshal(line, &decoded); err != nil || line[len(line)-1] != '\n' {
		t.Fatalf("got the line %q, %v; want an item in JSON", line, err)
	}
	return decoded.Item
}
