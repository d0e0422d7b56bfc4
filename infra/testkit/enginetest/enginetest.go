// Package enginetest creates empty tables for tests, as template.yaml declares them, on real DynamoDB engines.
//
// An engine starts once per test binary and ends with it. If an engine is not installed, the test fails. It is not
// skipped, because a skipped test proves nothing.
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
	"latchkey/infra/testkit"
)

// Tables are the two tables of one test.
type Tables struct {
	Endpoint string
	Users    string
	Sessions string
	Client   *dynamodb.Client // for reads and writes that the product's own code does not offer
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
	lastPrefix    atomic.Int64
)

// Each runs the test once per engine, each time on empty tables.
func Each(t *testing.T, test func(t *testing.T, tables Tables)) {
	t.Helper()
	t.Run("dynoxide", func(t *testing.T) { test(t, dynoxide.tables(t)) })
	t.Run("DynamoDB Local", func(t *testing.T) { test(t, dynamoDBLocal.tables(t)) })
}

// Dynoxide returns empty tables on dynoxide, which is fast and reports the same capacity units as AWS.
func Dynoxide(t *testing.T) Tables {
	t.Helper()
	return dynoxide.tables(t)
}

func (s *shared) tables(t *testing.T) Tables {
	t.Helper()
	root := testkit.Root(t)
	// The engine serves all later tests as well, so it must not end with the context of the first one.
	s.once.Do(func() { s.engine, s.err = s.start(context.Background(), engine.Options{Root: root}) })
	if s.err != nil {
		t.Fatal(s.err)
	}
	app, err := template.Load(filepath.Join(root, "template.yaml"), nil)
	if err != nil {
		t.Fatal(err)
	}
	client := tables.Client(s.engine.Endpoint)
	prefix := fmt.Sprintf("t%d-", lastPrefix.Add(1))
	if err := tables.Create(t.Context(), client, app.Tables, prefix); err != nil {
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

// Set writes attributes of the item under pk and sk. It bypasses the rules of the store.
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
