package tables_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"latchkey/infra/local/engine"
	"latchkey/infra/local/tables"
	"latchkey/infra/local/template"
	"latchkey/infra/testkit"
)

// fullTable returns a table that uses every property of template.Table.
func fullTable() template.Table {
	return template.Table{
		LogicalID:  "Things",
		Name:       "Things",
		Attributes: []template.Attribute{{Name: "sk", Type: "N"}, {Name: "pk", Type: "S"}},
		Keys:       []template.Key{{Name: "pk", Type: "HASH"}, {Name: "sk", Type: "RANGE"}},
		TTL:        "exp",
		StreamView: "NEW_IMAGE",
	}
}

func TestCreate(t *testing.T) {
	for name, start := range map[string]func(context.Context, engine.Options) (*engine.Engine, error){
		"default engine": engine.StartDynamoDB,
		"DynamoDB Local": engine.StartDynamoDBLocal,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := tables.Client(endpoint(t, start))
			t.Run("twice", func(t *testing.T) { createTwice(t, client) })
			t.Run("prefixes", func(t *testing.T) { createPrefixed(t, client) })
			t.Run("differing table", func(t *testing.T) { createOther(t, client) })
		})
	}
}

func createTwice(t *testing.T, client *dynamodb.Client) {
	for range 2 {
		if err := tables.Create(t.Context(), client, []template.Table{fullTable()}, "twice-"); err != nil {
			t.Fatal(err)
		}
	}
	output, err := client.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: aws.String("twice-Things")})
	if err != nil {
		t.Fatal(err)
	}
	schema := []string{}
	for _, k := range output.Table.KeySchema {
		schema = append(schema, *k.AttributeName+" "+string(k.KeyType))
	}
	if want := []string{"pk HASH", "sk RANGE"}; !slices.Equal(schema, want) {
		t.Errorf("got keys %v, want %v", schema, want)
	}
	if s := output.Table.StreamSpecification; s == nil || s.StreamViewType != types.StreamViewTypeNewImage {
		t.Errorf("got stream %+v, want NEW_IMAGE", s)
	}
	ttl, err := client.DescribeTimeToLive(t.Context(), &dynamodb.DescribeTimeToLiveInput{TableName: aws.String("twice-Things")})
	if err != nil {
		t.Fatal(err)
	}
	if got := aws.ToString(ttl.TimeToLiveDescription.AttributeName); got != "exp" {
		t.Errorf("got TTL attribute %q, want exp", got)
	}
}

func createPrefixed(t *testing.T, client *dynamodb.Client) {
	for _, prefix := range []string{"one-", "two-"} {
		if err := tables.Create(t.Context(), client, []template.Table{fullTable()}, prefix); err != nil {
			t.Fatal(err)
		}
	}
	list, err := client.ListTables(t.Context(), &dynamodb.ListTablesInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"one-Things", "two-Things"} {
		if !slices.Contains(list.TableNames, want) {
			t.Errorf("got tables %v, want %s among them", list.TableNames, want)
		}
	}
}

func createOther(t *testing.T, client *dynamodb.Client) {
	for name, change := range map[string]func(*template.Table){
		"other key":      func(o *template.Table) { o.Attributes[0].Name, o.Keys[1].Name = "rk", "rk" },
		"other key type": func(o *template.Table) { o.Attributes[0].Type = "B" },
		"other stream":   func(o *template.Table) { o.StreamView = "KEYS_ONLY" },
		"no stream":      func(o *template.Table) { o.StreamView = "" },
		"other TTL":      func(o *template.Table) { o.TTL = "until" },
		"no TTL":         func(o *template.Table) { o.TTL = "" },
	} {
		t.Run(name, func(t *testing.T) {
			prefix := "other-"
			if err := tables.Create(t.Context(), client, []template.Table{fullTable()}, prefix); err != nil {
				t.Fatal(err)
			}
			other := fullTable()
			change(&other)
			err := tables.Create(t.Context(), client, []template.Table{other}, prefix)
			if !errors.Is(err, tables.ErrDiffers) {
				t.Errorf("got error %v, want %v", err, tables.ErrDiffers)
			}
		})
	}
}

func endpoint(t *testing.T, start func(context.Context, engine.Options) (*engine.Engine, error)) string {
	t.Helper()
	e, err := start(t.Context(), engine.Options{Root: testkit.Root(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Stop)
	return e.Endpoint
}
