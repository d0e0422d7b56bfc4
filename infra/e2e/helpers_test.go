package e2e_test

import (
	"io"
	"maps"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"latchkey/infra/local/engine"
	"latchkey/infra/local/stack"
	"latchkey/infra/local/tables"
	"latchkey/infra/testkit"
	"latchkey/infra/testkit/enginetest"
)

// startStack starts a stack for one test. It has no rate limits and no log unless options says otherwise.
func startStack(t *testing.T, options stack.Options) *stack.Stack {
	t.Helper()
	options.Root = testkit.Root(t)
	if options.Log == nil {
		options.Log = io.Discard
	}
	environment := map[string]string{"RATE_LIMIT_FACTOR": unlimited}
	maps.Copy(environment, options.Environment)
	options.Environment = environment
	started, err := stack.Start(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(started.Close)
	return started
}

// startEngine starts a DynamoDB engine for one test.
func startEngine(t *testing.T, options engine.Options) *engine.Engine {
	t.Helper()
	options.Root = testkit.Root(t)
	started, err := engine.StartDynoxide(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(started.Stop)
	return started
}

// sharedTables returns the tables of the shared stack.
func sharedTables() enginetest.Tables { return tablesAt(shared.DynamoDBEndpoint) }

func tablesAt(endpoint string) enginetest.Tables {
	return enginetest.Tables{Endpoint: endpoint, Users: "Users", Sessions: "Sessions", Client: tables.Client(endpoint)}
}

// countItems counts the items of both shared tables by the prefix of their key, without counters.
func countItems(t *testing.T) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for _, key := range sharedTables().Keys(t) {
		if prefix := key[:2]; prefix != "R#" {
			counts[prefix]++
		}
	}
	return counts
}

// checkAdded checks how many items of each prefix have been added since before.
func checkAdded(t *testing.T, before, want map[string]int) {
	t.Helper()
	after := countItems(t)
	for prefix, want := range want {
		if got := after[prefix] - before[prefix]; got != want {
			t.Errorf("items %s: got %d more than before, want %d", prefix, got, want)
		}
	}
}

// number returns one attribute with a number.
func number(attribute, value string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{attribute: &types.AttributeValueMemberN{Value: value}}
}

// concurrently makes n requests at the same time and counts their statuses.
func concurrently(t *testing.T, n int, request func(i int) (response, error)) map[int]int {
	t.Helper()
	var mu sync.Mutex
	statuses := map[int]int{}
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			<-start
			got, err := request(i)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			statuses[got.Status]++
		})
	}
	close(start)
	all.Wait()
	return statuses
}
