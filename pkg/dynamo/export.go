package dynamo

import (
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

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

// exportLine encodes an item whose attributes have the types that the Store writes.
func exportLine(stored item) ([]byte, error) {
	attributes := make(map[string]map[string]any, len(stored))
	for name, value := range stored {
		switch value := value.(type) {
		case *types.AttributeValueMemberS:
			attributes[name] = map[string]any{"S": value.Value}
		case *types.AttributeValueMemberN:
			attributes[name] = map[string]any{"N": value.Value}
		case *types.AttributeValueMemberBOOL:
			attributes[name] = map[string]any{"BOOL": value.Value}
		case *types.AttributeValueMemberB:
			attributes[name] = map[string]any{"B": value.Value}
		default:
			return nil, fmt.Errorf("attribute %q has the unexpected type %T", name, value)
		}
	}
	line, err := json.Marshal(map[string]any{"Item": attributes})
	return append(line, '\n'), err
}
