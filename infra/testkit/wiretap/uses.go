package wiretap

import (
	"encoding/json"
	"net/http"
)

// Use is what one call needs of IAM: an action on a table, for one partition key.
type Use struct {
	Function string // who called, by its session token; the local host gives each function its name as one
	Action   string // as in "dynamodb:PutItem", without the service. A transaction needs those of its parts
	Table    string
	Key      string // the partition key's value
}

// tokenHeader carries the session token of temporary credentials, which a function's are.
const tokenHeader = "X-Amz-Security-Token"

// Uses returns what all calls have needed, those that met a fault and those before the last Reset among them.
func (t *Tap) Uses() []Use {
	t.mu.Lock()
	defer t.mu.Unlock()
	uses := make([]Use, 0, len(t.uses))
	for use := range t.uses {
		uses = append(uses, use)
	}
	return uses
}

func (t *Tap) noteUses(request *http.Request, operation string, body []byte) {
	uses := usesOf(operation, body)
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, use := range uses {
		use.Function = request.Header.Get(tokenHeader)
		t.uses[use] = true
	}
}

// keyed is the part of a call, or of a part of one, that names what it is about.
type keyed struct {
	TableName string
	Key, Item struct{ PK struct{ S string } }

	ExpressionAttributeValues map[string]struct{ S string }
}

// pk is the partition key. A query names its own :pk.
func (k keyed) pk() string {
	for _, value := range []string{k.Key.PK.S, k.Item.PK.S} {
		if value != "" {
			return value
		}
	}
	return k.ExpressionAttributeValues[":pk"].S
}

// usesOf reads the body of a call. One that is not understood has no uses, and the engine will refuse it.
func usesOf(operation string, body []byte) []Use {
	switch operation {
	case "BatchGetItem":
		return usesOfBatch(body)
	case "TransactWriteItems":
		return usesOfTransaction(body)
	}
	var call keyed
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
	for table, asked := range batch.RequestItems {
		for _, key := range asked.Keys {
			uses = append(uses, Use{Action: "BatchGetItem", Table: table, Key: key.PK.S})
		}
	}
	return uses
}

// partActions are the permissions that the parts of a transaction need.
var partActions = map[string]string{
	"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem",
}

func usesOfTransaction(body []byte) []Use {
	var transaction struct{ TransactItems []map[string]keyed }
	_ = json.Unmarshal(body, &transaction)
	var uses []Use
	for _, item := range transaction.TransactItems {
		for kind, part := range item {
			uses = append(uses, Use{Action: partActions[kind], Table: part.TableName, Key: part.pk()})
		}
	}
	return uses
}
