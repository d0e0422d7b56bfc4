package stack

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"latchkey/infra/local/lambdahost"
	"latchkey/infra/local/streams"
	"latchkey/infra/local/tables"
)

// deliveries are those that a stack's hook has seen.
type deliveries struct {
	mu       sync.Mutex
	payloads []string
	failures []error // of the function, which fails
}

// hook lets the function have each event three times and says that all is well.
func (d *deliveries) hook(next streams.Invoke) streams.Invoke {
	return func(ctx context.Context, function string, payload []byte) ([]byte, error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.payloads = append(d.payloads, string(payload))
		for range 3 {
			_, err := next(ctx, function, payload)
			d.failures = append(d.failures, err)
		}
		return nil, ctx.Err()
	}
}

// await waits until the stack has delivered the item with that key, and returns how many events there were.
func (d *deliveries) await(t *testing.T, key string) int {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		d.mu.Lock()
		count := len(d.payloads)
		found := count > 0 && strings.Contains(d.payloads[count-1], `"Keys":{"pk":{"S":"`+key+`"}}`)
		d.mu.Unlock()
		if found {
			return count
		}
	}
	t.Fatalf("%s was not delivered", key)
	return 0
}

func TestStreamsFeedFunctionsAcrossARestart(t *testing.T) {
	var seen deliveries
	o := Options{Root: product(t), DataDir: t.TempDir(), Deliver: seen.hook, Environment: map[string]string{"SES_ENDPOINT": "http://127.0.0.1:9"}}
	first := begin(t, o)
	if got := first.Template.Functions[0].Environment["SES_ENDPOINT"]; got != "http://127.0.0.1:9" {
		t.Errorf("SES_ENDPOINT is %q, not what was set", got)
	}
	put(t, first, "one")
	seen.await(t, "one")
	awaitCheckpoint(t, first)
	first.Close()
	if _, crashed := errors.AsType[*lambdahost.FunctionError](seen.failures[0]); !crashed || len(seen.failures) != 3 {
		t.Errorf("the function failed with %v, want its crash three times", seen.failures)
	}

	second := begin(t, o)
	put(t, second, "two")
	if count := seen.await(t, "two"); count != 2 {
		t.Errorf("%d events, want one for each item: %q", count, seen.payloads)
	}
	second.Close()

	o.Fresh = true
	third := begin(t, o)
	put(t, third, "three")
	if count := seen.await(t, "three"); count != 3 {
		t.Errorf("%d events, want one for each item: %q", count, seen.payloads)
	}
}

func TestStreamFilterThatIsNotUnderstood(t *testing.T) {
	o := Options{Root: product(t)}
	text := strings.Replace(read(t, o.Root+"/template.yaml"), "TRIM_HORIZON}",
		`TRIM_HORIZON, FilterCriteria: {Filters: [{Pattern: '{"a":[{"suffix":"x"}]}'}]}}`, 1)
	write(t, o.Root+"/template.yaml", text)
	o.Log = &strings.Builder{}
	s, err := Start(t.Context(), o)
	if err == nil {
		s.Close()
		t.Fatal("started")
	}
	if want := "starting the streams: event Change of Hello: "; !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error %q, want %s…", err, want)
	}
}

func put(t *testing.T, s *Stack, key string) {
	t.Helper()
	_, err := tables.Client(s.DynamoDBEndpoint).PutItem(t.Context(), &dynamodb.PutItemInput{
		TableName: aws.String("Things"), Item: map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: key}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// awaitCheckpoint waits until the stack has kept how far its stream has come.
func awaitCheckpoint(t *testing.T, s *Stack) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if isFile(s.folder.streams + "/Hello-Change.json") {
			return
		}
	}
	t.Fatal("no checkpoint was kept")
}
