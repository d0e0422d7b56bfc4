// Package enginetest gives tests fresh tables, as template.yaml declares them, on real DynamoDB engines.
//
// An engine starts once per test binary and ends with it. An engine that is not installed fails the test: what is
// skipped is not known to work.
package enginetest

import (
	"context"
	"fmt"
	"path/filepath"
	"sort"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"latchkey/infra/local/engine"
	"latchkey/infra/local/tables"
	"latchkey/infra/local/template"
)

// Tables are the two tables of one test.
type Tables struct {
	Endpoint string
	Users    string
	Sessions string
	Client   *dynamodb.Client // to look into them and to prepare what the product's own code has no call for
}

// shared is an engine that all tests of a binary use.
type shared struct {
	start  func(context.Context, engine.Options) (*engine.Engine, error)
	once   sync.Once
	engine *engine.Engine
	err    error
}

var (
	dynoxide      = &shared{start: engine.StartDynoxide}
	dynamoDBLocal = &shared{start: engine.StartDynamoDBLocal}
	fresh         atomic.Int64
)

// Each runs the test on every engine, on fresh tables.
func Each(t *testing.T, test func(t *testing.T, tables Tables)) {
	t.Helper()
	t.Run("dynoxide", func(t *testing.T) { test(t, dynoxide.tables(t)) })
	t.Run("DynamoDB Local", func(t *testing.T) { test(t, dynamoDBLocal.tables(t)) })
}

// Dynoxide gives fresh tables on dynoxide, which is quick and reports capacity as AWS does.
func Dynoxide(t *testing.T) Tables {
	t.Helper()
	return dynoxide.tables(t)
}

func (s *shared) tables(t *testing.T) Tables {
	t.Helper()
	root, err := engine.Root()
	if err != nil {
		t.Fatal(err)
	}
	// The engine outlives the test that happens to come first, so it does not get that test's context.
	s.once.Do(func() { s.engine, s.err = s.start(context.Background(), engine.Options{Root: root}) })
	if s.err != nil {
		t.Fatal(s.err)
	}
	declared, err := template.Load(filepath.Join(root, "template.yaml"), nil)
	if err != nil {
		t.Fatal(err)
	}
	client := tables.Client(s.engine.Endpoint)
	prefix := fmt.Sprintf("t%d-", fresh.Add(1))
	if err := tables.Create(t.Context(), client, declared.Tables, prefix); err != nil {
		t.Fatal(err)
	}
	return Tables{
		Endpoint: s.engine.Endpoint, Users: prefix + "Users", Sessions: prefix + "Sessions", Client: client,
	}
}

// Items returns all items of a table.
func (b Tables) Items(t *testing.T, table string) []map[string]types.AttributeValue {
	t.Helper()
	var items []map[string]types.AttributeValue
	pages := dynamodb.NewScanPaginator(b.Client, &dynamodb.ScanInput{TableName: &table, ConsistentRead: aws.Bool(true)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		items = append(items, page.Items...)
	}
	return items
}

// Keys returns the keys of all items of both tables as "pk / sk", sorted.
func (b Tables) Keys(t *testing.T) []string {
	t.Helper()
	keys := []string{}
	for _, table := range []string{b.Users, b.Sessions} {
		for _, item := range b.Items(t, table) {
			pk, sk := item["pk"].(*types.AttributeValueMemberS), item["sk"].(*types.AttributeValueMemberS)
			keys = append(keys, pk.Value+" / "+sk.Value)
		}
	}
	sort.Strings(keys)
	return keys
}

// Set writes attributes into an item that is there, past all rules.
func (b Tables) Set(t *testing.T, table, pk, sk string, attributes map[string]types.AttributeValue) {
	t.Helper()
	updates := map[string]types.AttributeValueUpdate{}
	for name, value := range attributes {
		updates[name] = types.AttributeValueUpdate{Action: types.AttributeActionPut, Value: value}
	}
	_, err := b.Client.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName: &table,
		Key: map[string]types.AttributeValue{
			"pk": &types.AttributeValueMemberS{Value: pk}, "sk": &types.AttributeValueMemberS{Value: sk},
		},
		AttributeUpdates: updates,
	})
	if err != nil {
		t.Fatal(err)
	}
}
