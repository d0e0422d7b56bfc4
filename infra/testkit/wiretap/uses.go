package wiretap

import (
	"encoding/json"
	"net/http"
)

// Use is one permission that a call needs from IAM: an action on a table, for one partition key.
type Use struct {
	Function string // the calling function: the local host makes the name of a function its session token
	Action   string // "PutItem" for dynamodb:PutItem; a transaction needs the actions of its parts
	Table    string
	Key      string // value of the partition key
}

// tokenHeader carries the session token of temporary credentials, as functions have.
const tokenHeader = "X-Amz-Security-Token"

// Uses returns the permissions that all calls needed, without duplicates. It includes calls that failed by a fault and
// calls before the last Reset.
func (t *Tap) Uses() []Use {
	t.mu.Lock()
	defer t.mu.Unlock()
	uses := make([]Use, 0, len(t.uses))
	for use := range t.uses {
		uses = append(uses, use)
	}
	return uses
}

func (t *Tap) recordUses(request *http.Request, operation string, body []byte) {
	uses := usesOf(operation, body)
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, use := range uses {
		use.Function = request.Header.Get(tokenHeader)
		t.uses[use] = true
	}
}

// target is the part of a call, or of an operation within one, that names its table and key.
type target struct {
	TableName string
	Key, Item struct{ PK struct{ S string } }

	ExpressionAttributeValues map[string]struct{ S string }
}

// pk returns the partition key. The product's queries name theirs :pk.
func (t target) pk() string {
	for _, value := range []string{t.Key.PK.S, t.Item.PK.S} {
		if value != "" {
			return value
		}
	}
	return t.ExpressionAttributeValues[":pk"].S
}

// usesOf returns the permissions that a call needs. It returns nil for a malformed body, which the engine refuses.
func usesOf(operation string, body []byte) []Use {
	switch operation {
	case "BatchGetItem":
		return usesOfBatch(body)
	case "TransactWriteItems":
		return usesOfTransaction(body)
	}
	var call target
	if json.Unmarshal(body, &call) != nil {
		return nil
	}
	return []Use{{Action: operation, Table: call.TableName, Key: call.pk()}}
}

func usesOfBatch(body []byte) []Use {
	var batch struct {
		RequestItems map[string]struct {
			Keys []struct{ PK struct{ S string } }
		}
	}
	_ = json.Unmarshal(body, &batch)
	var uses []Use
	for table, items := range batch.RequestItems {
		for _, key := range items.Keys {
			uses = append(uses, Use{Action: "BatchGetItem", Table: table, Key: key.PK.S})
		}
	}
	return uses
}

// partActions maps the parts of a transaction to the actions that they need.
var partActions = map[string]string{
	"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem",
}

func usesOfTransaction(body []byte) []Use {
	var transaction struct{ TransactItems []map[string]target }
	_ = json.Unmarshal(body, &transaction)
	var uses []Use
	for _, item := range transaction.TransactItems {
		for kind, part := range item {
			uses = append(uses, Use{Action: partActions[kind], Table: part.TableName, Key: part.pk()})
		}
	}
	return uses
}
