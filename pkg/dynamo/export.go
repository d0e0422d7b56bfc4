package dynamo

import (
	"encoding/json"
	"fmt"

	"latchkey/pkg/account"
	"latchkey/pkg/session"
)

// ExportAccount returns the items of an account with its guards and sessions by table, as the Store writes them. Each item is a line
// in the format of an export of DynamoDB to S3, from which a table can be filled in bulk. It makes no call and checks nothing.
func ExportAccount(user account.User, sessions ...session.Session) (map[Table][][]byte, error) {
	items := map[Table][]item{Users: {
		guardItem(usernameKey(user.Username.Canonical), user.ID),
		guardItem(emailKey(user.Email.Canonical), user.ID),
		userItem(user),
	}}
	for _, sess := range sessions {
		items[Sessions] = append(items[Sessions], sessionItem(sess))
	}
	lines := make(map[Table][][]byte, len(items))
	for table, stored := range items {
		for _, one := range stored {
			line, err := exportLine(one)
			if err != nil {
				return nil, fmt.Errorf("exporting an account: %w", err)
			}
			lines[table] = append(lines[table], line)
		}
	}
	return lines, nil
}

// exportLine encodes an item of the Store.
func exportLine(stored item) ([]byte, error) {
	line := []byte(`{"Item":{`)
	for name, attribute := range stored {
		kind, value, err := wireValue(attribute)
		if err != nil {
			return nil, fmt.Errorf("attribute %q: %w", name, err)
		}
		encoded, err := json.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("attribute %q: %w", name, err)
		}
		line = append(line, `"`+name+`":{"`+kind+`":`...) // names of attributes need no escapes; see schema.go
		line = append(append(line, encoded...), "},"...)
	}
	line[len(line)-1] = '}' // in place of the last comma; no item is empty
	return append(line, "}\n"...), nil
}
