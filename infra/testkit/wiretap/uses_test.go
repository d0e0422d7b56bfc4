package wiretap

import (
	"reflect"
	"testing"
)

func TestUsesOf(t *testing.T) {
	tests := map[string]struct {
		operation, body string
		want            []Use
	}{
		"one item": {"GetItem", `{"TableName":"Users","Key":{"pk":{"S":"U#1"},"sk":{"S":"P"}}}`, []Use{{"", "GetItem", "Users", "U#1"}}},
		"a put":    {"PutItem", `{"TableName":"Sessions","Item":{"pk":{"S":"O#1"},"n":{"N":"1"}}}`, []Use{{"", "PutItem", "Sessions", "O#1"}}},
		"a query": {"Query", `{"TableName":"Sessions","KeyConditionExpression":"pk = :pk","ExpressionAttributeValues":{":pk":{"S":"S#1"}}}`,
			[]Use{{"", "Query", "Sessions", "S#1"}}},
		"a batch": {"BatchGetItem", `{"RequestItems":{"Users":{"Keys":[{"pk":{"S":"N#1"}},{"pk":{"S":"E#1"}}]}}}`,
			[]Use{{"", "BatchGetItem", "Users", "N#1"}, {"", "BatchGetItem", "Users", "E#1"}}},
		"a transaction": {"TransactWriteItems", `{"TransactItems":[{"Put":{"TableName":"Users","Item":{"pk":{"S":"U#1"}}}},
			{"Update":{"TableName":"Sessions","Key":{"pk":{"S":"O#1"}},"ExpressionAttributeValues":{":pk":{"S":"x"}}}},
			{"Delete":{"TableName":"Sessions","Key":{"pk":{"S":"S#1"}}}},{"ConditionCheck":{"TableName":"Users","Key":{"pk":{"S":"E#1"}}}}]}`,
			[]Use{{"", "PutItem", "Users", "U#1"}, {"", "UpdateItem", "Sessions", "O#1"},
				{"", "DeleteItem", "Sessions", "S#1"}, {"", "ConditionCheckItem", "Users", "E#1"}}},
		"a scan":    {"Scan", `{"TableName":"Users"}`, []Use{{"", "Scan", "Users", ""}}},
		"no object": {"GetItem", `[]`, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := usesOf(test.operation, []byte(test.body)); !reflect.DeepEqual(got, test.want) {
				t.Errorf("%s %s\ngot  %v\nwant %v", test.operation, test.body, got, test.want)
			}
		})
	}
}
