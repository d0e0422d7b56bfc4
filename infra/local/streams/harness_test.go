package streams

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"latchkey/infra/local/template"
	"latchkey/infra/testkit"
	"latchkey/infra/testkit/enginetest"
)

// feed is a table whose stream is delivered to a function of the test.
type feed struct {
	t        *testing.T
	client   *dynamodb.Client
	endpoint string
	table    string
	event    template.Stream
	folder   string
	now      func() time.Time

	mu      sync.Mutex
	handle  function // nil always succeeds
	batches []string // the concatenated keys of each batch
	last    delivery // the last record of the last batch
	log     []string
}

// function handles a batch and returns the response.
type function func(batch []delivery) (string, error)

// delivery is a record in the form that the function receives.
type delivery struct{ key, sequence string }

// newFeed returns a feed from one of the tables.
func newFeed(t *testing.T, on enginetest.Tables) *feed {
	return &feed{
		t: t, client: on.Client, endpoint: on.Endpoint, table: on.Sessions, now: time.Now,
		event: template.Stream{Event: "Outbox", Table: "Sessions", BatchSize: 10, MaxRetries: -1, Bisect: true, ReportItemFailures: true},
	}
}

func (f *feed) options() Options {
	return Options{
		Template: &template.Template{
			Functions: []template.Function{{Name: "Mailer", Streams: []template.Stream{f.event}}},
			Tables:    []template.Table{{LogicalID: "Sessions", Name: f.table, StreamView: "NEW_IMAGE"}},
		},
		Endpoint: f.endpoint, Folder: f.folder, Invoke: f.invoke, Now: f.now, Logf: f.logf,
	}
}

// start starts the delivery, until Close or the end of the test.
func (f *feed) start() *Mappings {
	f.t.Helper()
	m, err := Start(f.t.Context(), f.options())
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(m.Close)
	return m
}

func (f *feed) invoke(_ context.Context, function string, payload []byte) ([]byte, error) {
	var event struct {
		Records []struct {
			Change struct {
				Keys           struct{ PK struct{ S string } }
				SequenceNumber string
			} `json:"dynamodb"`
		}
	}
	if err := json.Unmarshal(payload, &event); err != nil || function != "Mailer" {
		f.t.Errorf("got invocation of %s with %s (%v), want Mailer with records", function, payload, err)
	}
	var batch []delivery
	keys := ""
	for _, r := range event.Records {
		batch = append(batch, delivery{r.Change.Keys.PK.S, r.Change.SequenceNumber})
		keys += r.Change.Keys.PK.S
	}
	f.mu.Lock()
	f.batches, f.last = append(f.batches, keys), batch[len(batch)-1]
	handle := f.handle
	f.mu.Unlock()
	if handle == nil {
		return nil, nil
	}
	response, err := handle(batch)
	return []byte(response), err
}

func (f *feed) logf(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.log = append(f.log, fmt.Sprintf(format, args...))
}

func (f *feed) got() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.batches)
}

func (f *feed) logged(part string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.ContainsFunc(f.log, func(line string) bool { return strings.Contains(line, part) })
}

// expect waits until that many batches have been delivered, and a moment longer to detect an additional one.
func (f *feed) expect(want ...string) {
	f.t.Helper()
	testkit.Eventually(f.t, fmt.Sprintf("batches %q", want), func() bool { return len(f.got()) >= len(want) })
	time.Sleep(2 * pollInterval)
	if got := f.got(); !slices.Equal(got, want) {
		f.t.Errorf("got batches %q, want %q", got, want)
	}
}

// put writes one item for each letter of keys, in that order.
func (f *feed) put(keys string, attributes ...string) {
	f.t.Helper()
	for _, key := range strings.Split(keys, "") {
		item := map[string]types.AttributeValue{"pk": text(key), "sk": text("-")}
		for i := 0; i < len(attributes); i += 2 {
			item[attributes[i]] = text(attributes[i+1])
		}
		if _, err := f.client.PutItem(f.t.Context(), &dynamodb.PutItemInput{TableName: &f.table, Item: item}); err != nil {
			f.t.Fatal(err)
		}
	}
}

func text(value string) types.AttributeValue { return &types.AttributeValueMemberS{Value: value} }

func (f *feed) setHandle(handle function) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.handle = handle
}

// lastDelivered returns the sequence number of the last delivered record.
func (f *feed) lastDelivered() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return number(f.t, f.last.sequence)
}

// checkpoint returns the highest sequence number in the checkpoint file, or 0 if it has none.
func (f *feed) checkpoint() int {
	f.t.Helper()
	c, err := openCheckpoints(filepath.Join(f.folder, "Mailer-Outbox.json"), f.stream())
	if err != nil {
		f.t.Fatal(err)
	}
	highest := 0
	for _, p := range c.content.Shards {
		highest = max(highest, number(f.t, p.After))
	}
	return highest
}

func (f *feed) stream() string {
	f.t.Helper()
	stream, err := latestStream(f.t.Context(), f.endpoint, f.table, http.DefaultClient)
	if err != nil {
		f.t.Fatal(err)
	}
	return stream
}

func number(t *testing.T, sequence string) int {
	t.Helper()
	if sequence == "" {
		return 0
	}
	parsed, err := strconv.Atoi(sequence)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// report returns the response that reports the records with these keys as failed.
func report(batch []delivery, keys string) string {
	var failures []string
	for _, key := range strings.Split(keys, "") {
		for _, r := range batch {
			if r.key == key {
				failures = append(failures, fmt.Sprintf(`{"itemIdentifier":%q}`, r.sequence))
			}
		}
	}
	return fmt.Sprintf(`{"batchItemFailures":[%s]}`, strings.Join(failures, ","))
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
