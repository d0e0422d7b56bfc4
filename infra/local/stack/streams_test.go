package stack

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"latchkey/infra/local/lambdahost"
	"latchkey/infra/local/streams"
	"latchkey/infra/local/tables"
	"latchkey/infra/testkit"
)

// deliveries records the events that a stack delivers.
type deliveries struct {
	mu       sync.Mutex
	payloads []string
	failures []error // of the function
}

// hook is an Options.Deliver that invokes the function three times for each event and always reports success.
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

// await waits until the last event has the item with that key, and returns the number of events so far.
func (d *deliveries) await(t *testing.T, key string) (count int) {
	t.Helper()
	testkit.Eventually(t, "the delivery of item "+key, func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		count = len(d.payloads)
		return count > 0 && strings.Contains(d.payloads[count-1], `"Keys":{"pk":{"S":"`+key+`"}}`)
	})
	return count
}

func TestDeliveryContinuesAfterARestart(t *testing.T) {
	var d deliveries
	o := Options{Root: product(t), DataDir: t.TempDir(), Deliver: d.hook, Environment: map[string]string{"SES_ENDPOINT": "http://127.0.0.1:9"}}
	first := startStack(t, o)
	if got := first.Template.Functions[0].Environment["SES_ENDPOINT"]; got != "http://127.0.0.1:9" {
		t.Errorf("got SES_ENDPOINT %q, want http://127.0.0.1:9", got)
	}
	put(t, first, "one")
	d.await(t, "one")
	awaitCheckpoint(t, first)
	first.Close()
	if _, ok := errors.AsType[*lambdahost.FunctionError](d.failures[0]); !ok || len(d.failures) != 3 {
		t.Errorf("got failures %v, want three function errors", d.failures)
	}

	second := startStack(t, o)
	put(t, second, "two")
	if count := d.await(t, "two"); count != 2 {
		t.Errorf("got %d events, want one for each item: %q", count, d.payloads)
	}
	second.Close()

	o.Fresh = true
	third := startStack(t, o)
	put(t, third, "three")
	if count := d.await(t, "three"); count != 3 {
		t.Errorf("got %d events, want one for each item: %q", count, d.payloads)
	}
}

func TestUnsupportedStreamFilter(t *testing.T) {
	o := Options{Root: product(t)}
	text := strings.Replace(read(t, o.Root+"/template.yaml"), "TRIM_HORIZON}",
		`TRIM_HORIZON, FilterCriteria: {Filters: [{Pattern: '{"a":[{"suffix":"x"}]}'}]}}`, 1)
	write(t, o.Root+"/template.yaml", text)
	o.Log = &strings.Builder{}
	s, err := Start(t.Context(), o)
	if err == nil {
		s.Close()
		t.Fatal("Start succeeded, want an error")
	}
	if want := "starting the streams: event Change of Hello: "; !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got error %q, want %s…", err, want)
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

// awaitCheckpoint waits until the stack has written the checkpoint of its stream.
func awaitCheckpoint(t *testing.T, s *Stack) {
	t.Helper()
	testkit.Eventually(t, "a checkpoint", func() bool { return isFile(s.folder.streams + "/Hello-Change.json") })
}
